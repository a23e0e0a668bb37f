"""Which plots a page has, and their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rnnswap.training.page.loading import Run
    from rnnswap.training.page.track import Track

#: Windows over which a share is taken, and the steps of one: few have no share worth a name.
WINDOWS, WINDOW = 60, 8
#: Yet a short run is no single point.
_LEAST_WINDOWS = 4
#: More layers than this are not told apart by eye.
LAYERS = 12
_DIGITS = 6


class Chart:
    """One plot: curves over the steps.

    Args:
        title: What it shows, with the unit.
        unit: Of its values; "" for none, "%" for shares, "ms" for times.
        log: Whether its axis is logarithmic, where only what is above zero can stand.
    """

    def __init__(self, title: str, unit: str = "", *, log: bool = False) -> None:
        self.title, self.unit, self.log = title, unit, log
        self.curves: list[dict[str, Any]] = []

    def add(
        self,
        label: str,
        steps: Sequence[float],
        values: Sequence[float | None],
        *,
        colour: int,
        dashed: bool = False,
        band: tuple[Sequence[float | None], Sequence[float | None]] | None = None,
    ) -> None:
        """Add a curve; `band` has the least and the greatest values around it."""
        curve: dict[str, Any] = {
            "label": label,
            "colour": colour,
            "dashed": dashed,
            "steps": steps,
            "values": self._shown(values),
        }
        if band is not None and band[0] != band[1]:
            curve["band"] = [self._shown(bound) for bound in band]
        if any(value is not None for value in curve["values"]):
            self.curves.append(curve)

    def data(self) -> dict[str, Any]:
        """Return what the page's script draws: all curves over the steps that any has."""
        steps = sorted(
            {
                step
                for curve in self.curves
                for step, value in zip(curve["steps"], curve["values"], strict=True)
                if value is not None
            }
        )
        curves = []
        for curve in self.curves:
            own = curve["steps"]
            spread = {name: value for name, value in curve.items() if name != "steps"}
            spread["values"] = _spread(steps, own, curve["values"])
            if "band" in curve:
                spread["band"] = [_spread(steps, own, bound) for bound in curve["band"]]
            curves.append(spread)
        return {"unit": self.unit, "log": self.log, "steps": steps, "curves": curves}

    def _shown(self, values: Sequence[float | None]) -> list[float | None]:
        factor = {"%": 100.0, "ms": 1000.0}.get(self.unit, 1.0)
        return [
            None if v is None or (self.log and v <= 0) else float(f"{v * factor:.{_DIGITS}g}")
            for v in values
        ]


def charts(runs: Sequence[Run]) -> list[Chart]:
    """Return the plots of one run, or of several over each other."""
    found = [
        _of_each(runs, "Loss", "loss", "loss"),
        _norms(runs),
        _shares(runs),
        *(_layers(run, alone=len(runs) == 1) for run in runs),
        _of_each(runs, "Step time, ms", "seconds", "time", unit="ms"),
    ]
    return [chart for chart in found if chart is not None]


def _of_each(runs: Sequence[Run], title: str, name: str, alone: str, unit: str = "") -> Chart:
    """Return the curves of one name; `alone` is what it is called where there is but one."""
    chart = Chart(title, unit)
    tracks = [*_tracks(runs, name)]
    for colour, (label, track) in enumerate(tracks):
        curve = track.curves[name]
        means = curve.means()
        # Bands over each other would hide the curves.
        band = (curve.least(), curve.greatest()) if len(tracks) == 1 else None
        label = label if len(tracks) > 1 else alone
        chart.add(label, track.steps(len(means)), means, colour=colour, band=band)
    return chart


def _norms(runs: Sequence[Run]) -> Chart:
    chart = Chart("Gradient norm before and after clipping", log=True)
    tracks = [*_tracks(runs, "before")]
    for colour, (label, track) in enumerate(tracks):
        before, after = track.curves["before"].means(), track.curves["after"].means()
        steps = track.steps(len(before))
        if len(tracks) == 1:
            chart.add("before", steps, before, colour=1)
            chart.add("after", steps, after, colour=0)
        else:
            chart.add(f"{label}, before", steps, before, colour=colour, dashed=True)
            chart.add(f"{label}, after", steps, after, colour=colour)
    return chart


def _shares(runs: Sequence[Run]) -> Chart:
    chart = Chart("Share of steps and of elements clipped, %", "%")
    tracks = [*_tracks(runs, "steps")]
    for number, (label, track) in enumerate(tracks):
        for name, dashed in (("steps", False), ("elements", True)):
            if name not in track.curves:
                continue
            count = len(track.curves[name].counts)
            windows = min(WINDOWS, max(_LEAST_WINDOWS, count * track.width // (2 * WINDOW)))
            shares = track.curves[name].shares(windows)
            points = 1
            while -(-count // points) > len(shares):
                points *= 2
            text = name if len(tracks) == 1 else f"{label}, {name}"
            colour = int(dashed) if len(tracks) == 1 else number
            chart.add(text, track.steps(len(shares), points), shares, colour=colour, dashed=dashed)
    return chart


def _layers(run: Run, *, alone: bool) -> Chart | None:
    if not run.layers.curves:
        return None
    title = "Gradient norm of each layer before clipping"
    chart = Chart(title if alone else f"{title}: {run.name}", log=True)
    means = {name: curve.means() for name, curve in run.layers.curves.items()}
    largest = sorted(means, key=lambda name: -max((v or 0.0 for v in means[name]), default=0.0))
    shown = {*largest[:LAYERS]}
    if len(means) > LAYERS:
        chart.title += f", the {LAYERS} largest of {len(means)}"
    for colour, name in enumerate(name for name in means if name in shown):
        chart.add(name, run.layers.steps(len(means[name])), means[name], colour=colour)
    return chart


def _tracks(runs: Sequence[Run], name: str) -> Iterator[tuple[str, Track]]:
    """Yield the tracks that have a curve of this name, each with what tells it from the others."""
    for run in runs:
        having = {n: track for n, track in run.tracks.items() if name in track.curves}
        for number, track in sorted(having.items()):
            own = [run.name] if len(runs) > 1 else []
            other = [f"optimizer {number}"] if len(having) > 1 else []
            yield ", ".join(own + other) or name, track


def _spread(
    steps: Sequence[float], own: Sequence[float], values: Sequence[float | None]
) -> list[float | None]:
    """Return values at some of the steps as values at all, None between."""
    at = dict(zip(own, values, strict=True))
    return [at.get(step) for step in steps]
