/** Draws a plot as SVG, with no browser. */

import { init } from "echarts";
import type { Axis, Plot } from "./plot.js";

const width = 900;
const height = 440;

export function drawSvg({ title, x, y, series }: Plot): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  const isDrawn = ([at, value]: readonly [number, number]): boolean =>
    (x.scale === "linear" || at > 0) && (y.scale === "linear" || value > 0);
  chart.setOption({
    animation: false,
    backgroundColor: "#fff",
    title: { text: title, left: "center", textStyle: { fontSize: 15 } },
    legend: { bottom: 0, itemGap: 24 },
    grid: { left: 80, right: 40, top: 50, bottom: 80 },
    xAxis: { ...axis(x), nameGap: 28 },
    yAxis: { ...axis(y), nameGap: 55 },
    series: series.map(({ name, points }) => ({
      type: "line",
      name,
      symbolSize: 7,
      data: points.filter(isDrawn).map(([at, value]) => [at, value]),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function axis({ label, scale }: Axis) {
  const type = scale === "log" ? ("log" as const) : ("value" as const);
  return { type, name: label, nameLocation: "middle" as const };
}
