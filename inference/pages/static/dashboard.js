// The dashboard: volume, what people confirmed, drift, models.
import * as api from "./api.js";
import { Catalogue } from "./catalogue.js";
import { DailyBars, Intervals, Shares } from "./charts.js";
import { Dialog, Icon } from "./dialog.js";
import { html, useEffect, useState } from "./html.js";
import { milliseconds, number, percent, t, tOr } from "./i18n.js";
import { language } from "./preferences.js";
import { RefusalNote } from "./refusal_note.js";
import { mount } from "./shell.js";

const PERIODS = [7, 30, 90]; // days
const DAY = 86_400_000; // milliseconds
const WORST = 12; // disagreements seen before more are asked for
const VERDICTS = ["issue", "uncertain", "no_issue", "unrelated", "unusable"];

function Dashboard({ app }) {
  const [days, setDays] = useState(30);
  const stats = useAnswer(() => api.stats({ since: new Date(Date.now() - days * DAY).toISOString() }), [days], app, isOpen(app));
  const catalogue = useAnswer(async () => new Catalogue(await api.categories()), [], app, true);
  const errors = useAnswer(api.errorCounts, [], app, app.features !== null, { isQuiet: true });
  const nameOf = (id) => catalogue.answer?.name(id) ?? id;
  const { features } = app;
  return html`
    <div class="page">
      <header class="page-head">
        <div><h1>${t("dash.title")}</h1><p class="muted">${t("dash.lead")}</p></div>
        <div class="periods" role="group" aria-label=${t("dash.period")}>
          ${PERIODS.map((each) => html`<button key=${each} type="button" aria-pressed=${each === days} onClick=${() => setDays(each)}>${t("dash.days", { days: each })}</button>`)}
        </div>
      </header>
      ${features && !features.feedback && html`<p class="note"><${Icon} name="warning" />${t("dash.off")}</p>`}
      ${features?.feedback && !app.has("feedback") && html`<p class="note"><${Icon} name="key" />${t("queue.noscope")}</p>`}
      ${stats.refusal && html`<${RefusalNote} refusal=${stats.refusal} onRetry=${stats.reload} onKey=${app.askKey} />`}
      ${isOpen(app) && html`<${Tiles} stats=${stats.answer} errors=${errors} />`}
      ${stats.answer && html`<${Numbers} stats=${stats.answer} nameOf=${nameOf} />`}
      <${Models} app=${app} counts=${stats.answer?.models ?? {}} />
    </div>
  `;
}

const isOpen = (app) => Boolean(app.features?.feedback && app.has("feedback"));

/** An answer of the service, asked for anew when what it depends on or the key changes. */
function useAnswer(ask, depends, app, isOn, { isQuiet = false } = {}) {
  const [result, setResult] = useState({ answer: null, refusal: null });
  const load = () =>
    ask().then(
      (answer) => setResult({ answer, refusal: null }),
      (refusal) => {
        setResult((known) => ({ answer: known.answer, refusal }));
        if (refusal.needsKey && !isQuiet) app.askKey();
      },
    );
  useEffect(() => {
    if (isOn) load();
  }, [...depends, app.key, isOn]);
  return { ...result, reload: load };
}

function Tiles({ stats, errors }) {
  const value = (of) => (stats === null ? "—" : of(stats));
  const latency = stats?.latency_ms;
  return html`
    <ul class="tiles">
      <${Tile} label=${t("dash.requests")} value=${value((s) => number(s.requests))} />
      <${Tile} label=${t("dash.answered")} value=${value((s) => number(s.answered_feedback))}
        more=${stats?.requests ? percent(stats.answered_feedback / stats.requests) : ""} />
      <${Tile} label=${t("dash.acceptance")} value=${value((s) => (s.acceptance_rate === null ? "—" : percent(s.acceptance_rate)))}
        more=${t("dash.acceptance.help")} />
      <${Tile} label=${t("dash.latency")} value=${time(latency?.p95)}
        more=${t("dash.latency.others", { p50: time(latency?.p50), p99: time(latency?.p99) })} />
      <${Tile} label=${t("dash.errors")} ...${told(errors)} />
    </ul>
  `;
}

const time = (value) => (value === null || value === undefined ? "—" : milliseconds(value));

function told({ answer, refusal }) {
  if (answer === null) return { value: "—", more: refusal ? t("dash.errors.none") : "" };
  const { requests, errors } = answer;
  return { value: requests ? `${((errors / requests) * 100).toFixed(1)}%` : "—", more: t("dash.errors.help", { errors: number(errors), requests: number(requests) }) };
}

const Tile = ({ label, value, more }) => html`
  <li class="tile"><span class="fine">${label}</span><strong>${value}</strong><span class="fine">${more}</span></li>
`;

function Numbers({ stats, nameOf }) {
  const verdicts = VERDICTS.filter((name) => stats.verdicts[name]).map((name) => ({ name, label: t(`verdict.${name}`), value: stats.verdicts[name] }));
  return html`
    <div class="cards">
      <section class="card is-wide">
        <header><h2>${t("dash.daily")}</h2>
          <ul class="legend"><li><i class="key is-requests"></i>${t("dash.daily.requests")}</li><li><i class="key is-confirmed"></i>${t("dash.daily.confirmed")}</li></ul></header>
        ${stats.requests > 0 ? html`<${DailyBars} days=${filled(stats)} />` : html`<p class="empty">${t("dash.daily.empty")}</p>`}
      </section>
      <section class="card">
        <h2>${t("dash.verdicts")}</h2>
        ${verdicts.length ? html`<${Shares} parts=${verdicts} />` : html`<p class="empty">${t("dash.daily.empty")}</p>`}
        <h2>${t("dash.drift")}</h2>
        <${Flags} flags=${stats.drift.flags} />
      </section>
    </div>
    <section class="card"><h2>${t("dash.precision")}</h2><${Categories} categories=${stats.categories} nameOf=${nameOf} /></section>
    <section class="card"><h2>${t("dash.disagreements")}</h2><${Disagreements} list=${stats.disagreements} nameOf=${nameOf} /></section>
  `;
}

/** Every day of the period, days without requests too, so that the axis is one of time; days are the service's. */
function filled({ since, until, daily }) {
  const known = new Map(daily.map((day) => [day.date, day]));
  const dates = [since.slice(0, 10), until.slice(0, 10), ...known.keys()].sort();
  const days = [];
  for (let at = Date.parse(dates[0]); at <= Date.parse(dates.at(-1)); at += DAY) {
    const date = new Date(at).toISOString().slice(0, 10);
    days.push(known.get(date) ?? { date, requests: 0, confirmed: 0 });
  }
  return days;
}

const Flags = ({ flags }) =>
  flags.length === 0
    ? html`<p class="calm"><${Icon} name="check" />${t("dash.drift.none")}</p>`
    : html`<ul class="flags">${flags.map((flag) => html`<li key=${flag.message_en} class="note"><${Icon} name="warning" /><span>${flag[`message_${language()}`]}</span></li>`)}</ul>`;

function Categories({ categories, nameOf }) {
  const listed = Object.entries(categories).sort(([, a], [, b]) => b.suggested + b.added - a.suggested - a.added);
  if (listed.length === 0) return html`<p class="empty">${t("dash.precision.empty")}</p>`;
  return html`
    <p class="fine">${t("dash.precision.help")}</p>
    <div class="table" tabindex="0" role="region" aria-label=${t("dash.precision")}>
      <table>
        <thead><tr><th scope="col">${t("dash.column.category")}</th><th scope="col">${t("dash.column.precision")}</th>
          ${["suggested", "confirmed", "rejected", "added"].map((name) => html`<th key=${name} scope="col" class="is-number">${t(`dash.column.${name}`)}</th>`)}</tr></thead>
        <tbody>
          ${listed.map(([id, each]) => html`
            <tr key=${id}><th scope="row"><a href=${`queue?state=all&category=${encodeURIComponent(id)}`}>${nameOf(id)}</a></th>
              <td>${each.precision ? html`<${Intervals} all=${each.precision} prefill=${each.prefill_precision} />` : html`<span class="fine">—</span>`}
                ${each.precision && html`<span class="fine"> ${percent(each.precision.value)}${each.prefill_precision ? ` / ${percent(each.prefill_precision.value)}` : ""}</span>`}</td>
              ${["suggested", "confirmed", "rejected", "added"].map((name) => html`<td key=${name} class="is-number">${number(each[name])}</td>`)}</tr>
          `)}
        </tbody>
      </table>
    </div>
  `;
}

function Disagreements({ list, nameOf }) {
  const [seesAll, setSeesAll] = useState(false);
  if (list.length === 0) return html`<p class="calm"><${Icon} name="check" />${t("dash.disagreements.none")}</p>`;
  return html`
    <ul class="disagreements">
      ${list.slice(0, seesAll ? list.length : WORST).map((each) => html`
        <li key=${each.request_id + each.category}>
          <a href=${`./?record=${encodeURIComponent(each.request_id)}`}>${nameOf(each.category)}</a>
          <span class="fine">${t(`dash.said.${each.said}`, { percent: each.probability === null ? "—" : percent(each.probability) })}</span>
          <code class="muted">${each.request_id.slice(0, 8)}</code>
        </li>
      `)}
    </ul>
    ${!seesAll && list.length > WORST && html`<button type="button" class="more" onClick=${() => setSeesAll(true)}>${t("queue.more")}</button>`}
  `;
}

/** Versions and who answers; changing it needs the scope admin. */
function Models({ app, counts }) {
  const mayChange = app.has("admin");
  const models = useAnswer(api.models, [], app, mayChange);
  const [asked, setAsked] = useState(null);
  const [state, setState] = useState({ isBusy: false, refusal: null });
  const change = async () => {
    const { name, version, act } = asked;
    setAsked(null);
    setState({ isBusy: true, refusal: null });
    try {
      await act();
      app.announce(t("dash.model.changed", { version: `${name} ${version}` }));
      setState({ isBusy: false, refusal: null });
    } catch (refusal) {
      setState({ isBusy: false, refusal });
    }
    models.reload();
  };
  const known = models.answer?.models ?? Object.keys(counts).map((version) => ({ name: "", version, data_version: "", state: "" }));
  return html`
    <section class="card">
      <h2>${t("dash.models")}</h2>
      ${!mayChange && app.features && html`<p class="fine">${t("dash.models.noscope")}</p>`}
      ${(state.refusal ?? models.refusal) && html`<${RefusalNote} refusal=${state.refusal ?? models.refusal} onRetry=${models.reload} onKey=${app.askKey} />`}
      <ul class="models">
        ${known.map((model) => html`
          <${Model} key=${model.path ?? `${model.name} ${model.version}`} model=${model} count=${counts[model.version]} isBusy=${state.isBusy} onAsk=${mayChange && setAsked} />
        `)}
      </ul>
      ${asked && html`
        <${Dialog} title=${asked.label} onClose=${() => setAsked(null)}>
          <p>${t("dash.model.confirm", { version: `${asked.name} ${asked.version}` })}</p>
          <footer class="dialog-foot"><button type="button" class="quiet" onClick=${() => setAsked(null)}>${t("common.cancel")}</button>
            <button type="button" class="primary" onClick=${change}>${asked.label}</button></footer>
        <//>
      `}
    </section>
  `;
}

function Model({ model, count, isBusy, onAsk }) {
  const { name, version } = model;
  const isPrevious = model.state === "previous";
  const canChange = onAsk && version !== null && ["previous", "loaded", "available"].includes(model.state);
  const act = isPrevious ? api.rollbackModel : () => api.activateModel(version); // which loads it first
  const label = t(isPrevious ? "dash.model.rollback" : "dash.model.promote");
  return html`
    <li class="model">
      <div><strong>${name} ${version ?? model.path}</strong> <code class="muted">${model.data_version}</code>
        ${model.error && html`<p class="fine">${model.error}</p>`}</div>
      ${model.state && html`<span class=${`badge is-${model.state}`}>${tOr(`dash.model.${model.state}`, model.state)}</span>`}
      <span class="fine">${count ? t("dash.models.requests", { count: number(count) }) : ""}</span>
      ${canChange && html`<button type="button" class="quiet" disabled=${isBusy} onClick=${() => onAsk({ name, version, act, label })}>${label}</button>`}
    </li>
  `;
}

mount("dashboard", Dashboard);
