"""A text of each clipping policy of the box, by name; what tests of all policies go through."""

POLICIES = {
    text.partition(":")[0]: text
    for text in (
        "none",
        "value:1.0",
        "range:-1.0,1.0",
        "hook:-1.0,1.0",
        "norm:1.0",
        "layer-norm:1.0",
        "agc:0.01",
        "percentile:10.0",
        "zclip:2.5",
    )
}
