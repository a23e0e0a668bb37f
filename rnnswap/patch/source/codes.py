"""Every code a finding or a refusal can carry, with its meaning. Codes are never reused."""

from __future__ import annotations

CALL = "RSW101"
REFERENCE = "RSW102"
BASE = "RSW103"
CLIPPED = "RSW104"

ARGUMENT = "RSW201"
LOOKUP = "RSW202"
SUBCLASS = "RSW203"
MIXIN = "RSW204"
QUANTIZATION = "RSW205"
STAR = "RSW206"
NO_COUNTERPART = "RSW207"
AMBIGUOUS = "RSW208"
CLASS_ATTRIBUTE = "RSW209"
EXPORTED = "RSW210"
IN_STRING = "RSW211"
SPELLING = "RSW212"
CLIPPED_ALREADY = "RSW213"
NOT_CLIPPED = "RSW214"
OTHER_LAYER = "RSW215"

GATE_SLICE = "RSW301"
CHECKPOINT = "RSW302"
OPTION_UNWRITTEN = "RSW303"
UNPACKED = "RSW304"
OPTION_DROPPED = "RSW305"
MIXED_TEST = "RSW306"
ALL_WEIGHTS = "RSW307"
WEIGHT_INIT = "RSW308"
WEIGHT_SHAPE = "RSW309"
WEIGHT_DROP = "RSW310"
CLASS_NAME = "RSW311"
SCRIPTED = "RSW312"
CLIPPED_UNSEEN = "RSW313"
STATE_ONLY = "RSW314"

UNPARSABLE = "RSW901"
UNDECODABLE = "RSW902"
UNREADABLE = "RSW903"
NOT_EQUIVALENT = "RSW904"
CHANGED = "RSW905"
UNWRITABLE = "RSW906"
TOO_LARGE = "RSW907"
DIED = "RSW908"

#: Code -> what it means, in the order of the codes.
MEANINGS = {
    CALL: "constructor call rewritten",
    REFERENCE: "reference to the class rewritten (annotation, value, default, isinstance)",
    BASE: "base class rewritten",
    CLIPPED: "gradient clipping inserted",
    ARGUMENT: "left: an argument is used that the cell does not take",
    LOOKUP: "left: the class is looked up while the program runs, as with getattr",
    SUBCLASS: "left: a subclass overrides forward or touches _flat_weights",
    MIXIN: "left: a subclass has other base classes beside it",
    QUANTIZATION: "left: the class tells torch what to quantize",
    STAR: "left: the name comes through a star import or from nowhere in the file",
    NO_COUNTERPART: "left: the cell has no class for this place",
    AMBIGUOUS: "left: the name may refer to something else too",
    CLASS_ATTRIBUTE: "left: the class itself is changed, or an attribute of its own is used",
    EXPORTED: "left: the name is imported for others to import or look up",
    IN_STRING: "left: it stands in an f-string, a string or a magic",
    SPELLING: "left: a name or a call cannot stand there, or a comment stands inside it",
    CLIPPED_ALREADY: "left: gradients are clipped there already",
    NOT_CLIPPED: "left: clipping belongs to this step, but no place for it can be seen",
    OTHER_LAYER: "left: another of torch's recurrent layers, which is not touched",
    GATE_SLICE: "look here: a slice of four gates",
    CHECKPOINT: "look here: a checkpoint is loaded",
    OPTION_UNWRITTEN: "look here: a cell option could not be written, as nothing is called",
    UNPACKED: "look here: unpacked arguments may hold one that the cell does not take",
    OPTION_DROPPED: "look here: an option of the former cell was dropped",
    MIXED_TEST: "look here: a type test was rewritten, and the former class is used too",
    ALL_WEIGHTS: "look here: code goes through all weights of a layer",
    WEIGHT_INIT: "look here: all weights are initialised alike, by their names",
    WEIGHT_SHAPE: "look here: a weight is read or written by an LSTM's shape",
    WEIGHT_DROP: "look here: a weight of the layer is replaced, dropped or deleted",
    CLASS_NAME: "look here: the class is tested for by its name in a string",
    SCRIPTED: "look here: TorchScript compiles the model, which the cells refuse",
    CLIPPED_UNSEEN: "look here: gradients may be clipped already where this file does not show it",
    STATE_ONLY: "look here: only the last state is read, on which attention has no effect",
    UNPARSABLE: "the file cannot be parsed",
    UNDECODABLE: "the file cannot be decoded",
    UNREADABLE: "the file cannot be read",
    NOT_EQUIVALENT: "the result would differ outside the edits",
    CHANGED: "the file changed on disk after it was read",
    UNWRITABLE: "the file cannot be written",
    TOO_LARGE: "the file is larger than --max-size allows",
    DIED: "rnnswap itself failed on the file",
}

_LOOK_IT_UP = "replace it where it is chosen, or run the program with `rnnswap train --cell`"
_TO_THE_GATES = "write it for the cell's own gates, or leave it to the cell's initialisation"

#: Code -> what to do about it, one sentence each, for the codes of findings and refusals alike.
ADVICE = {
    CALL: "nothing to do; run your tests",
    REFERENCE: "nothing to do; run your tests",
    BASE: "check that the subclass relies on nothing but the constructor and the call",
    CLIPPED: "nothing to do; run your tests",
    ARGUMENT: "do without the argument, or choose a cell that takes it",
    LOOKUP: _LOOK_IT_UP,
    SUBCLASS: "write the subclass for the cell by hand, or keep it",
    MIXIN: "change the base by hand if the other base classes ask for nothing of an LSTM",
    QUANTIZATION: "torch quantizes its own layers alone; keep it, or quantize otherwise",
    STAR: "import the class by its name, then patch again",
    NO_COUNTERPART: "use the layer, or choose a cell that has the class",
    AMBIGUOUS: "give the two meanings two names, then patch again",
    CLASS_ATTRIBUTE: "change it by hand: it is about torch's class itself",
    EXPORTED: "replace it by hand where others should get the cell",
    IN_STRING: "change the string by hand",
    SPELLING: "move the comment, or bind the class to a name, then patch again",
    CLIPPED_ALREADY: "take the clipping out that is there, then patch again, or keep it",
    NOT_CLIPPED: "clip by hand before the step, or run the program with `rnnswap train --clip`",
    OTHER_LAYER: "nothing to do: only uses of the source cell are replaced",
    GATE_SLICE: _TO_THE_GATES,
    CHECKPOINT: "train anew, or convert the checkpoint with rnnswap.load_state_dict_",
    OPTION_UNWRITTEN: "give the option where the class is constructed",
    UNPACKED: "see that the argument is never among them",
    OPTION_DROPPED: "nothing to do unless the option mattered",
    MIXED_TEST: "see that the test asks for the class that can stand there",
    ALL_WEIGHTS: _TO_THE_GATES,
    WEIGHT_INIT: "see that the initialisation fits the cell's weights, or leave them out of it",
    WEIGHT_SHAPE: "ask the layer for hidden_size, and size what is written by the weight itself",
    WEIGHT_DROP: "see that what takes the weight's place fits the cell",
    CLASS_NAME: "test with isinstance and torch.nn.RNNBase, or add the cell's name to the test",
    SCRIPTED: "use torch.jit.trace, torch.export or torch.compile instead",
    CLIPPED_UNSEEN: "see that nothing else clips these gradients, and take one of the two out",
    STATE_ONLY: "read the output, such as output[:, -1], or do without attention",
    UNPARSABLE: "mend it, port it to Python 3, or run rnnswap with the Python it is written for",
    UNDECODABLE: "declare the encoding in the first line, or save it as UTF-8",
    UNREADABLE: "see that it exists and may be read",
    NOT_EQUIVALENT: "change the file by hand",
    CHANGED: "patch again",
    UNWRITABLE: "see that it may be written and the disk has room",
    TOO_LARGE: "raise the limit with --max-size and be patient, or split the file",
    DIED: "report it with the file, which was left as it is",
}
