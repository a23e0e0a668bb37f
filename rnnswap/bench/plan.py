"""What is to be measured, checked before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnswap.errors import OptionError

#: The name under which torch's own layer is measured beside the cells.
REFERENCE = "nn.LSTM"
#: Ways to run a layer, in the order of the tables.
MODES = ("forward", "training", "training-dx")
#: What can be measured: times; beside them the products they consist of at least; the peak memory
#: of a training step; the time of a call with next to nothing to compute.
MEASURES = ("time", "limit", "memory", "overhead")
DTYPES = ("float32", "float64", "bfloat16", "float16")


_LONGEST_SAMPLE = 60  # seconds
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of an input and a layer: T steps, B rows, I input features, H units."""

    steps: int
    batch: int
    inputs: int
    hidden: int

    def __str__(self) -> str:
        return f"{self.steps},{self.batch},{self.inputs},{self.hidden}"

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Read "T,B,I,H".

        Raises:
            OptionError: It is not four positive integers.
        """
        parts = text.split(",")
        if len(parts) != 4 or not all(map(_is_positive, parts)):
            raise OptionError(
                f"shape {text[:80]!r} is not T,B,I,H, four positive integers such as 100,32,128,128"
            )
        return cls(*map(int, parts))


def _is_positive(text: str) -> bool:
    # isdecimal, as int takes signs, underscores and spaces too.
    plain = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return plain and int(text) > 0


#: Where a training step's peak memory is measured: long and wide.
MEMORY_SHAPES = (Shape.parse("784,32,1,128"), Shape.parse("100,64,512,1024"))
#: Long and short, wide and narrow, one row and many.
SHAPES = tuple(
    Shape.parse(text)
    for text in (
        "100,32,128,128",
        "100,64,256,256",
        "28,128,28,128",
        "784,32,1,128",
        "200,16,512,512",
        "50,1,64,64",
        "100,64,512,1024",
    )
)


#: For attention, T,B,E,heads: short and long, narrow and wide, one row and many.
ATTENTION_SHAPES = tuple(
    Shape.parse(text)
    for text in (
        "32,1,64,4",
        "32,64,128,8",
        "128,16,256,8",
        "100,32,512,8",
        "512,4,256,8",
        "1024,2,128,4",
    )
)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides what is measured.

    Args:
        cells: Registered names, measured beside nn.LSTM.
        shapes: Of input and layer.
        measures: Among `MEASURES`.
        modes: Among `MODES`.
        packed: Also with packed input, lengths uniform in [T/2, T].
        threads: For torch and the C library; None leaves torch's number.
        device: "cpu", "cuda" or "cuda:N".
        dtype: Among `DTYPES`.
        layers: num_layers of every layer.
        bidirectional: As nn.LSTM's.
        proj_size: As nn.LSTM's; less than every hidden size.
        options: Extra arguments of the cells, not of nn.LSTM.
        repeats: Samples of each entry.
        seconds: What a sample lasts at least, unless one call lasts longer.

    Raises:
        OptionError: proj_size does not fit a shape, a sample has no sensible length, or something
            is asked for that is not measured so.
    """

    cells: tuple[str, ...]
    shapes: tuple[Shape, ...] = SHAPES
    measures: tuple[str, ...] = ("time",)
    modes: tuple[str, ...] = MODES
    packed: bool = False
    threads: int | None = None
    device: str = "cpu"
    dtype: str = "float32"
    layers: int = 1
    bidirectional: bool = False
    proj_size: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    repeats: int = 7
    seconds: float = 0.05

    def __post_init__(self) -> None:
        for shape in self.shapes:
            if self.proj_size and self.proj_size >= shape.hidden:
                raise OptionError(
                    f"proj_size {self.proj_size} does not fit shape {shape}: "
                    f"it must be less than H = {shape.hidden}"
                )
        _check_seconds(self.seconds)
        if self.packed and not self.timed:
            raise OptionError("packed input is measured for time alone")
        if "limit" in self.measures and (self.layer_arguments() or self.options or self.packed):
            raise OptionError(
                "the limit is known for padded input and plain layers alone: one layer, one "
                "direction, no projection, no --cell-arg"
            )

    @property
    def timed(self) -> bool:
        """Whether calls at the shapes are timed; else nothing but memory or overhead is asked."""
        return bool({"time", "limit"} & set(self.measures))

    def layer_arguments(self) -> dict[str, Any]:
        """Return nn.LSTM's arguments beyond the sizes, as far as they are asked for."""
        asked = {
            "num_layers": (self.layers, 1),
            "bidirectional": (self.bidirectional, False),
            "proj_size": (self.proj_size, 0),
        }
        return {name: value for name, (value, default) in asked.items() if value != default}


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """What is measured of `multihead` beside nn.MultiheadAttention.

    Args:
        shapes: T,B,E,heads: a shape's inputs are the width E, its hidden the heads.
        modes: Among "forward" and "training".
        threads: As of `Plan`, and so is what follows.
        device: "cpu", "cuda" or "cuda:N".
        dtype: Among `DTYPES`.
        repeats: Samples of each entry.
        seconds: What a sample lasts at least.

    Raises:
        OptionError: A shape's heads do not divide its width, or a sample has no sensible length.
    """

    shapes: tuple[Shape, ...] = ATTENTION_SHAPES
    modes: tuple[str, ...] = ("forward", "training")
    threads: int | None = None
    device: str = "cpu"
    dtype: str = "float32"
    repeats: int = 7
    seconds: float = 0.05

    def __post_init__(self) -> None:
        for shape in self.shapes:
            if shape.inputs % shape.hidden:
                raise OptionError(
                    f"shape {shape} is T,B,E,heads with --attention: "
                    f"{shape.hidden} heads do not divide the width {shape.inputs}"
                )
        _check_seconds(self.seconds)


def _check_seconds(seconds: float) -> None:
    if not 0 <= seconds <= _LONGEST_SAMPLE:  # nor nan
        raise OptionError(
            f"a sample lasts 0 to {_LONGEST_SAMPLE * 1000} ms, got {seconds * 1000:g}"
        )
