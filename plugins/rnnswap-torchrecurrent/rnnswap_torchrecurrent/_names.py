"""What torchrecurrent has: its layers, their options with defaults, and what each cannot.

Written out, because listing plugins must import neither torchrecurrent nor torch; the tests compare
it with the package.
"""

from __future__ import annotations

from typing import Any

#: Options of each layer's cell, with their defaults.
OPTIONS: dict[str, dict[str, Any]] = {
    "AntisymmetricRNN": {"nonlinearity": "tanh", "epsilon": 1.0, "gamma": 0.0},
    "GatedAntisymmetricRNN": {"epsilon": 1.0, "gamma": 0.0},
    "ATR": {},
    "BR": {},
    "NBR": {},
    "CFN": {},
    "DSGU": {
        "nonlinearity": "tanh",
        "output_nonlinearity": "sigmoid",
        "gate_nonlinearity": "hard_sigmoid",
    },
    "MCLSTM": {"gate_nonlinearity": "sigmoid", "cell_nonlinearity": "tanh"},
    "MGU": {"nonlinearity": "tanh", "gate_nonlinearity": "sigmoid"},
    "MinimalRNN": {"nonlinearity": "tanh", "gate_nonlinearity": "sigmoid"},
    "MiRU1": {"update_coefficient": 0.5, "nonlinearity": "tanh", "gate_nonlinearity": "sigmoid"},
    "MiRU2": {"update_coefficient": 0.5, "reset_coefficient": 0.5, "nonlinearity": "tanh"},
    "coRNN": {"dt": 0.1, "gamma": 1.0, "epsilon": 1.0},
    "FastRNN": {"nonlinearity": "tanh"},
    "FastGRNN": {"nonlinearity": "tanh"},
    "IndRNN": {"nonlinearity": "tanh"},
    "IntersectionRNN": {
        "depth_nonlinearity": "relu",
        "recurrent_nonlinearity": "tanh",
        "gate_nonlinearity": "sigmoid",
    },
    "JANET": {"beta": 1.0},
    "LEM": {"dt": 1.0},
    "LiGRU": {"nonlinearity": "relu", "gate_nonlinearity": "sigmoid"},
    "LightRU": {},
    "MultiplicativeLSTM": {},
    "MUT1": {},
    "MUT2": {},
    "MUT3": {},
    "NAS": {},
    "OriginalLSTM": {},
    "PeepholeLSTM": {"nonlinearity": "tanh", "gate_nonlinearity": "sigmoid"},
    "RAN": {},
    "ResLSTM": {"nonlinearity": "tanh", "gate_nonlinearity": "sigmoid"},
    "SCRN": {"alpha": 0.5},
    "SGU": {
        "nonlinearity": "tanh",
        "output_nonlinearity": "softplus",
        "gate_nonlinearity": "hard_sigmoid",
    },
    "SGRN": {},
    "STAR": {},
    "tauGRU": {"nonlinearity": "tanh", "gate_nonlinearity": "sigmoid"},
    "TRNN": {"gate_nonlinearity": "sigmoid"},
    "TGRU": {"gate_nonlinearity": "sigmoid", "output_nonlinearity": "tanh"},
    "TLSTM": {"gate_nonlinearity": "sigmoid", "output_nonlinearity": "tanh"},
    "UGRNN": {},
    "UnICORNN": {"dt": 0.1, "alpha": 0.0},
    "WMCLSTM": {},
}

#: What an option's number or name is.
HELP = {
    "alpha": "share of the context kept, or stiffness",
    "beta": "start of the input gate's shift, which is learned",
    "dt": "step of time",
    "epsilon": "step of time, or damping",
    "gamma": "diffusion, or frequency",
    "reset_coefficient": "share of the state that the candidate reads",
    "update_coefficient": "share of the state that is kept",
}

#: Arguments of nn.LSTM that a layer cannot honour. proj_size: the step reads h elementwise, or has
#: two states and an output.
UNSUPPORTED = {
    "MCLSTM": {"proj_size"},
    "coRNN": {"proj_size"},
    "LEM": {"proj_size"},
    "SCRN": {"proj_size"},
    "tauGRU": {"proj_size"},
    "UnICORNN": {"proj_size"},
}

#: Layers that read the input before, for which nn.LSTM's state has no room: a sequence in chunks is
#: not exactly the sequence in one.
READ_LAST = ("TGRU", "TLSTM")

#: What else a layer declares, as `rnnswap.testing.check_drop_in` knows it: torch has no second
#: derivative of hardsigmoid; and dynamics that amplify rounding errors beyond what a check allows.
DECLARED = {
    "DSGU": {"second-derivatives"},
    "SGU": {"second-derivatives"},
    "AntisymmetricRNN": {"rounding"},
    "NAS": {"rounding"},
    "coRNN": {"rounding"},
}
