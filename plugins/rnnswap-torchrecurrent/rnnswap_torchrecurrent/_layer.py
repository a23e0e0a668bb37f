"""The adapter: any cell of torchrecurrent as a layer with nn.LSTM's contract."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnswap import OptionError, RecurrentLayer, UnsupportedError
from rnnswap_torchrecurrent._program import Program, biases_of, program_of
from rnnswap_torchrecurrent._roots import root_of

_PREPARED = "prepared"


class AdaptedLayer(RecurrentLayer):
    """Base of the layers; a subclass names its cell.

    Parameters have nn.LSTM's names where the cell has such, else the cell's own; vectors called
    weight are stored with a second dimension of 1. They are drawn as torchrecurrent draws them.
    """

    cell: ClassVar[Any]
    #: The cell's options with their defaults.
    options: ClassVar[dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        chosen = {name: kwargs.pop(name, default) for name, default in type(self).options.items()}
        if kwargs.get("layer_norm"):
            raise UnsupportedError(f"{type(self).__name__} does not support layer_norm")
        for name, value in chosen.items():
            setattr(self, name, value)
        self._program = self._made_program(chosen)
        super().__init__(*args, **kwargs)

    def _made_program(self, chosen: dict[str, Any]) -> Program:
        root = root_of(type(self).cell)
        try:
            return program_of(root, type(self).cell, tuple(chosen.items()), 1 + root.reads_last)
        except (TypeError, ValueError) as error:
            raise OptionError(f"{type(self).__name__}: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the recorded program, which is made anew from class and options."""
        return {k: v for k, v in super().__getstate__().items() if k != "_program"}

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self._program = self._made_program(
            {name: getattr(self, name) for name in type(self).options}
        )

    def weight_shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Return nn.LSTM's names with the cell's shapes, then the cell's own parameters."""
        usual = super().weight_shapes(layer)
        below = usual["weight_ih"][1]
        cell = self._cell(below, "meta")
        self._cell_shapes = {n: tuple(p.shape) for n, p in cell.named_parameters()}
        own = {_name(n): shape for n, shape in self._cell_shapes.items()}
        rows = own["weight_ih"][0]
        shapes = {"weight_ih": own["weight_ih"], "weight_hh": own.get("weight_hh", (rows, 0))}
        for name in ("bias_ih", "bias_hh", "weight_hr"):
            if name in usual:
                shapes[name] = own.get(name, (rows,)) if "bias" in name else usual[name]
        shapes |= {
            n: s for n, s in own.items() if n not in shapes and (self.bias or n[:4] != "bias")
        }
        if own["weight_ih"][1] != below:  # the cell adds its input to its output
            shapes["weight_xh"] = (self.hidden_size, below)
        projected = self.proj_size and type(self).states == 2
        read = (self._program.multiplied_by_h or ()) if projected else ()
        for name, shape in shapes.items():
            if name.startswith("weight") and len(shape) == 1:
                shapes[name] = (*shape, 1)
            elif not shape:
                shapes[name] = (1,)
            elif name in read:
                shapes[name] = (shape[0], self.proj_size)
        return shapes

    def reset_parameters(self) -> None:
        """Draw the parameters as torchrecurrent does, weight_hr as nn.LSTM."""
        super().reset_parameters()
        if self.weight_ih_l0.is_meta:  # which draws nothing from the generator
            return
        for layer in range(self.num_layers):
            below = self.input_size
            if layer:
                below = self.output_size * self.num_directions
            for suffix in (f"_l{layer}", f"_l{layer}_reverse")[: self.num_directions]:
                self._draw(self._cell(below, "cpu"), suffix)

    def _draw(self, cell: Any, suffix: str) -> None:
        drawn = {_name(n): p.detach() for n, p in cell.named_parameters()}
        with torch.no_grad():
            if self.bias and "bias_hh" not in drawn:
                getattr(self, f"bias_hh{suffix}").zero_()
            for name, value in drawn.items():
                target = getattr(self, name + suffix, None)
                if target is None:  # a bias, where there are none
                    continue
                if value.dim() == 2:  # fewer columns, where h is a projection
                    value = value[:, : target.size(1)]
                _write(target, value.reshape(target.shape))

    def _cell(self, below: int, device: str) -> Any:
        given = {name: getattr(self, name) for name in type(self).options}
        biases = biases_of(type(self).cell)
        if root_of(type(self).cell).same_width:
            below = self.hidden_size
        # A type of its own: the same seed draws the same numbers whatever the default type is.
        like = {"device": torch.device(device), "dtype": torch.float32}
        return type(self).cell(below, self.hidden_size, **biases, **given, **like)

    def run_direction(
        self, x: Tensor, h0: Any, c0: Any, weights: Any, lengths: Any, reverse: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run one direction of one layer; see `rnnswap.RecurrentLayer.run_direction`."""
        root = root_of(type(self).cell)
        if root.reads_last:
            # Padded and cut, not sliced: an export would have to know that T - 1 is not 1.
            around = F.pad(x, (0, 0, 0, 0, 0, 1) if reverse else (0, 0, 0, 0, 1, 0))
            x = torch.cat((x, around.narrow(0, int(reverse), x.size(0))), -1)
        weights = {**weights, _PREPARED: self._prepared(weights)}
        results = super().run_direction(x, h0, c0, weights, lengths, reverse)
        # torch.jit.trace traces once more without gradients, and both must be the same.
        needed = h0 is not None and (h0.requires_grad or torch.jit.is_tracing())
        if type(self).states == 1 or not needed:
            return results
        # An initial state that is not read, or that c does not depend on, has a gradient of zero.
        never = torch.zeros((), dtype=torch.bool, device=h0.device)
        output, h, c = (torch.where(never, h0.sum(), r) for r in results)
        return output, h, c

    def _prepared(self, weights: Any) -> tuple[Tensor, ...]:
        """Return what all steps take of the parameters."""
        beside = weights["weight_ih"]
        given = []
        for name in self._program.parameters:
            found = weights.get(_name(name))
            if found is None:  # without biases
                found = beside.new_zeros(self._cell_shapes[name])
            elif len(self._cell_shapes[name]) < found.dim():
                found = found.squeeze(-1)
            given.append(found)
        known = [_name(name) for name in self._program.parameters]
        if "weight_hh" not in known:
            # Without columns; the sum of nothing is an exact zero that keeps it in the graph.
            place = known.index("weight_ih")
            given[place] = given[place] + weights["weight_hh"].sum()
        if "bias_hh" not in known and "bias_hh" in weights:
            place = known.index("bias_ih")
            given[place] = given[place] + weights["bias_hh"]
        prepared: tuple[Tensor, ...] = self._program.prepare(*given)
        if torch.compiler.is_compiling():  # views of one tensor, which the scan operator refuses
            prepared = tuple(piece.clone() for piece in prepared)
        return prepared

    def project_input(self, x: Tensor, weights: Any) -> Tensor:
        """Return what the steps take of the input (T, B, width), side by side."""
        rows = x.flatten(0, 1)
        if "weight_xh" in weights:
            rows = F.linear(rows, weights["weight_xh"])
        inputs = rows.chunk(2, -1) if root_of(type(self).cell).reads_last else (rows,)
        pieces = self._program.project(*inputs, *weights[_PREPARED])
        whole = pieces[0] if len(pieces) == 1 else torch.cat(pieces, -1)
        return whole.view(x.size(0), x.size(1), whole.size(-1))

    def step(self, gates_x: Tensor, state: Any, weights: Any) -> Any:
        """Run one step; see `rnnswap.RecurrentLayer.step`."""
        widths = self._program.widths
        known = (gates_x,)
        if len(widths) > 1:
            known = gates_x.split([width * self.hidden_size for width in widths], -1)
        return self._program.step(*known, *state, *weights[_PREPARED])


def _write(target: Any, value: Tensor) -> None:
    if hasattr(target, "device_mesh"):  # sharded by FSDP2
        from torch.distributed.tensor import distribute_tensor

        value = distribute_tensor(value, target.device_mesh, target.placements)
    target.copy_(value)


def _name(name: str) -> str:
    """Return the name under which a layer has a parameter of a cell."""
    return "weight_hh" if name == "vector_u" else name


def _doc(name: str, cell: Any) -> str:
    root = root_of(cell)
    state = (
        "c_n equals h_n; a step reads h_0, or with proj_size c_0."
        if root.states == 1
        else "both are carried."
        if root.reads_h
        else "c is carried; h_n is the last output, and h_0 is not read: it gets a zero gradient."
    )
    if root.reads_last:
        state += " The cell also reads the input before, for which nn.LSTM's state has no room: at "
        state += "the first step of a call that is zero, so chunks are not exactly the whole."
    return f"torchrecurrent's {name} where nn.LSTM stands.\n\n    State: {state}\n    "


def adapted(name: str, options: dict[str, Any], unsupported: frozenset[str]) -> type[nn.Module]:
    """Return the layer class for torchrecurrent's layer `name`."""
    import torchrecurrent

    cell = getattr(torchrecurrent, f"{name}Cell")
    root = root_of(cell)

    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        AdaptedLayer.__init__(self, *args, **kwargs)

    usual = inspect.signature(RecurrentLayer.__init__).parameters.values()
    kind = inspect.Parameter.KEYWORD_ONLY
    own = [inspect.Parameter(n, kind, default=d) for n, d in options.items()]
    construct.__signature__ = inspect.Signature([*usual, *own])  # type: ignore[attr-defined]
    members = {
        "__init__": construct,
        "__module__": "rnnswap_torchrecurrent",
        "__doc__": _doc(name, cell),
        "cell": cell,
        "options": options,
        "unsupported": unsupported
        | {"traced-length"}
        | ({"chunked-state"} if root.reads_last else set()),
        "gates": 1,
        "states": root.states,
        # A recurrence of its own: a state dict says by it which class saved it.
        "step": AdaptedLayer.step,
    }
    return type(name, (AdaptedLayer,), members)
