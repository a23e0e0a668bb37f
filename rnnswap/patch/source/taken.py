"""Names that a cell's classes use for themselves and nn.LSTM's do not.

A subclass of nn.LSTM that has one of them for something of its own would change what the cell
computes. Listed here, since reading a file imports no cell.
"""

#: Read on the class; on an instance they are the user's.
ON_THE_CLASS = frozenset({"gates", "states"})

_CONTRACT = """
from_lstm normalise_gates normalises_recurrent project_input recurrent_bias_apart run_direction
run_steps step unsupported weight_shapes
"""
_PRIVATE = """
_after_layer _attend _attention _batch_norm _beta _bound_step _carried _check_state _directions
_forward_packed _gain_names _gains _gates _gradient_clip _input_dropout _is_hf_initialized
_last_layer_init _layer_norm _leaves_free _nonlinearity _output_size _own_weights _places
_recurrent_init _recurrent_max _recurrent_min _recurrent_shape _residual _run _run_layers
_run_packed _single_state_results _stack _state _states _t_max _takes_packed _transfer_report
_weight _weight_dtype _weights _writable _written _zoneout
"""

#: Used wherever they stand, on the class or on an instance.
EVERYWHERE = frozenset((_CONTRACT + _PRIVATE).split())
