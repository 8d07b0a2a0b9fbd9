// Charts as inline SVG, without a library: bars per day, and dots with their intervals.
import { html } from "./html.js";
import { number, percent, t } from "./i18n.js";

const WIDEST = 720;
const AROUND = 64; // pixels of a narrow window that a chart cannot have
const HEIGHT = 180;
const LEFT = 40;
const BOTTOM = 24;
const LABEL_ROOM = 80; // of a day's name below the bars

/** Requests a day, and how many of them were confirmed; `days` [{date, requests, confirmed}]. */
export function DailyBars({ days }) {
  const most = niceAbove(Math.max(1, ...days.map((day) => day.requests)));
  const width = Math.min(WIDEST, window.innerWidth - AROUND);
  const step = (width - LEFT) / days.length;
  const tall = (value) => (value / most) * (HEIGHT - BOTTOM - 12);
  const every = Math.ceil((days.length * LABEL_ROOM) / (width - LEFT));
  const floor = HEIGHT - BOTTOM;
  const bar = (value, index, kind) =>
    html`<rect class=${kind} x=${LEFT + index * step + step * 0.15} y=${floor - tall(value)} width=${step * 0.7} height=${tall(value)} rx="2" />`;
  return html`
    <svg class="chart" viewBox=${`0 0 ${width} ${HEIGHT}`} role="img" aria-label=${t("dash.daily")}>
      ${[0, 0.5, 1].map((share) => html`
        <g key=${share}><line class="grid" x1=${LEFT} x2=${width} y1=${floor - tall(most * share)} y2=${floor - tall(most * share)} />
          <text class="axis is-end" x=${LEFT - 8} y=${floor - tall(most * share) + 4}>${number(most * share)}</text></g>
      `)}
      ${days.map((day, index) => html`
        <g key=${day.date}><title>${t("dash.day", day)}</title>
          ${bar(day.requests, index, "bar is-requests")}${bar(day.confirmed, index, "bar is-confirmed")}
          ${index % every === 0 && (index + 0.5) * step + LEFT + LABEL_ROOM / 4 < width && html`<text class="axis is-middle" x=${LEFT + (index + 0.5) * step} y=${HEIGHT - 6}>${day.date.slice(5)}</text>`}</g>
      `)}
    </svg>
  `;
}

/** The next of 2, 4, 10, 20, 40, 100 ... at or above a number, so that half of it is whole as well. */
function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return Math.max(2, [1, 2, 4, 10].map((each) => each * power).find((each) => each >= value));
}

/** Precision between 0 and 1 with its interval, hollow for all suggestions and solid for pre-filled ones. */
export function Intervals({ all, prefill }) {
  const marks = [[all, "is-all", 7], [prefill, "is-prefill", 17]].filter(([each]) => each);
  const x = (share) => 4 + share * 252;
  return html`
    <svg class="intervals" viewBox="0 0 260 24" role="img" aria-label=${marks.map(([each]) => told(each)).join("; ")}>
      ${[0, 0.5, 0.9, 1].map((share) => html`<line key=${share} class=${`grid ${share === 0.9 ? "is-goal" : ""}`} x1=${x(share)} x2=${x(share)} y1="0" y2="24" />`)}
      ${marks.map(([each, kind, y]) => html`
        <g key=${kind} class=${`interval ${kind}`}><title>${told(each)}</title>
          <line x1=${x(each.lower)} x2=${x(each.upper)} y1=${y} y2=${y} /><circle cx=${x(each.value)} cy=${y} r="3.5" /></g>
      `)}
    </svg>
  `;
}

export const told = ({ value, lower, upper, support }) =>
  t("dash.interval", { value: percent(value), lower: percent(lower), upper: percent(upper), support });

/** Parts of a whole side by side; `parts` [{name, label, value}]. */
export function Shares({ parts }) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0);
  let from = 0;
  return html`
    <svg class="shares" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      ${parts.map((part) => {
        const width = (part.value / whole) * 100;
        from += width;
        return html`<rect key=${part.name} class=${`share is-${part.name}`} x=${from - width} width=${width} height="10" />`;
      })}
    </svg>
    <ul class="legend">
      ${parts.map((part) => html`<li key=${part.name}><i class=${`key is-${part.name}`}></i>${part.label} <b>${percent(part.value / whole)}</b></li>`)}
    </ul>
  `;
}
