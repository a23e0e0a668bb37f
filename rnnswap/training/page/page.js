"use strict";
// Draws the plots of the page's data with uPlot: a cursor over all of them, its values in the
// legends, zoom by dragging, and a finger in place of a mouse.
(() => {
  const COLOURS = ["#0969da", "#cf222e", "#1a7f37", "#8250df", "#bf5700", "#0a7ea4",
    "#bf3989", "#6e7781", "#7d4e00", "#2da44e", "#218bff", "#fa4549"];
  const HEIGHT = 280;
  const page = JSON.parse(document.getElementById("data").textContent);
  const colour = (n) => COLOURS[n % COLOURS.length];

  function written(value, unit) {
    if (value === null || value === undefined) return "–";
    const text = Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-3)
      ? value.toExponential(3) : String(Number(value.toPrecision(5)));
    return unit ? `${text} ${unit}` : text;
  }

  function onAxis(value) {
    if (value === null) return "";
    return value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)
      ? value.toExponential(0) : String(Number(value.toPrecision(6)));
  }

  // What uPlot takes: the curves, then of each band its two edges, which are not in the legend.
  function parts(chart) {
    const series = [{ label: "step", value: (u, v) => (v === null ? "–" : Math.round(v).toLocaleString("en")) }];
    const data = [chart.steps];
    const bands = [];
    for (const curve of chart.curves) {
      series.push({
        label: curve.label,
        stroke: colour(curve.colour),
        width: 1.5,
        dash: curve.dashed ? [6, 4] : undefined,
        spanGaps: true,
        points: { show: chart.steps.length < 2 ? true : undefined },
        value: (u, v) => written(v, chart.unit),
      });
      data.push(curve.values);
    }
    for (const curve of chart.curves) {
      if (!curve.band) continue;
      const [least, greatest] = curve.band;
      const edge = { stroke: "transparent", points: { show: false }, spanGaps: true, class: "edge" };
      series.push({ ...edge, label: "least" }, { ...edge, label: "greatest" });
      data.push(least, greatest);
      bands.push({ series: [series.length - 1, series.length - 2], fill: `${colour(curve.colour)}33` });
    }
    return { series, data, bands };
  }

  // Shares and times are read from the height over zero; shares that are large, against 100 %.
  function fromZero(unit, greatest) {
    if (greatest === null) return [0, 1];
    return unit === "%" && greatest > 50 ? [0, 105] : uPlot.rangeNum(0, greatest || 1, 0.1, true);
  }

  function draw(figure, chart) {
    const { series, data, bands } = parts(chart);
    const width = () => Math.max(200, figure.clientWidth - 16);
    // On a logarithmic axis lines at the powers of ten alone.
    const power = (v) => Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-9;
    const filter = (u, splits) => splits.map((v) => (chart.log && !power(v) ? null : v));
    const axis = { stroke: "#59636e", grid: { stroke: "#eaeef2" }, ticks: { stroke: "#d1d9e0" } };
    const plot = new uPlot({
      width: width(),
      height: HEIGHT,
      series,
      bands,
      scales: { x: { time: false }, y: chart.unit ? { range: (u, least, greatest) => fromZero(chart.unit, greatest) } : { distr: chart.log ? 3 : 1 } },
      axes: [
        { ...axis, values: (u, splits) => splits.map((v) => (v === null ? "" : v.toLocaleString("en"))) },
        {
          ...axis,
          size: 62,
          grid: { ...axis.grid, filter },
          ticks: { ...axis.ticks, filter },
          values: (u, splits) => splits.map((v) => onAxis(v)),
        },
      ],
      cursor: { sync: { key: "steps" }, focus: { prox: 24 } },
      legend: { markers: { dash: (u, n) => (u.series[n].dash ? "dashed" : "solid") } },
    }, data, figure);
    for (const row of figure.querySelectorAll(".u-legend .edge")) row.style.display = "none";
    new ResizeObserver(() => plot.setSize({ width: width(), height: HEIGHT })).observe(figure);
    plot.over.addEventListener("touchmove", (event) => {
      const place = plot.over.getBoundingClientRect();
      const finger = event.touches[0];
      plot.setCursor({ left: finger.clientX - place.left, top: finger.clientY - place.top });
    }, { passive: true });
  }

  const figures = document.querySelectorAll("figure");
  page.charts.forEach((chart, n) => {
    if (chart.curves.length) draw(figures[n], chart);
  });
  for (const dot of document.querySelectorAll(".dot")) dot.style.background = colour(Number(dot.dataset.colour));
})();
