// The queue: what waits for a person, filtered, confirmed one by one or several at once.
import * as api from "./api.js";
import { Catalogue, short } from "./catalogue.js";
import { Icon } from "./dialog.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { moment, percent, t } from "./i18n.js";
import { language } from "./preferences.js";
import { RefusalNote, titleOf } from "./refusal_note.js";
import { mount } from "./shell.js";

const STATES = ["awaiting", "confirmed", "all"];
const DECISIONS = ["prefill", "suggest"];
const VERDICTS = ["issue", "uncertain", "no_issue", "unrelated", "unusable"];
const NO_FILTERS = { state: "awaiting", category: "", decision: "", verdict: "", grid_id: "", since: "", until: "" };
const PAGE = 50; // records asked for at a time
const NARROW = 760; // pixels of a window in which filters fold up, as in queue.css

/** What a batch confirms of a record, or null where a person has to look: only what was pre-filled, or no issue. */
function batchBody(record) {
  if (record.state !== "awaiting") return null;
  const { request_id } = record;
  const prefilled = record.suggestions.filter((each) => each.decision === "prefill").map((each) => each.category);
  if (prefilled.length) return { request_id, categories: prefilled, verdict: "issue", rejected: [] };
  const isNothing = record.suggestions.length === 0 && ["no_issue", "unrelated"].includes(record.verdict);
  return isNothing ? { request_id, categories: [], verdict: record.verdict } : null;
}

function filtersOfAddress() {
  const given = new URLSearchParams(location.search);
  return Object.fromEntries(Object.entries(NO_FILTERS).map(([name, value]) => [name, given.get(name) ?? value]));
}

/** Days as the picker gives them are days of this place: from their first moment to their last. */
const bounds = ({ since, until, ...others }) => ({
  ...others,
  since: since && new Date(`${since}T00:00:00`).toISOString(),
  until: until && new Date(new Date(`${until}T00:00:00`).getTime() + 86_400_000).toISOString(),
});

function Queue({ app }) {
  const [filters, setFilters] = useState(filtersOfAddress);
  const [picked, setPicked] = useState(new Set());
  const [batch, setBatch] = useState(null);
  const catalogue = useCatalogue(app);
  const list = useRecords(app, filters);
  const { features } = app;

  const change = (name, value) => {
    const changed = { ...filters, [name]: value };
    const given = Object.entries(changed).filter(([key, each]) => each !== NO_FILTERS[key]);
    history.replaceState(null, "", given.length ? `?${new URLSearchParams(given)}` : location.pathname);
    setFilters(changed);
    setPicked(new Set());
  };
  const clear = () => {
    history.replaceState(null, "", location.pathname);
    setFilters(NO_FILTERS);
    setPicked(new Set());
  };

  const confirmPicked = async () => {
    const bodies = list.records.filter((each) => picked.has(each.request_id)).map(batchBody);
    const failures = [];
    for (const [done, body] of bodies.entries()) {
      setBatch({ done, count: bodies.length });
      await api.sendFeedback(body).catch((refusal) => failures.push(refusal));
    }
    setPicked(new Set());
    setBatch({ count: bodies.length, sent: bodies.length - failures.length, failures });
    app.announce(t("queue.batch.done", { count: bodies.length - failures.length }));
    list.reload();
  };

  if (features && !features.feedback) return html`<${Off} title=${t("queue.off")} text=${t("queue.off.text")} />`;
  if (features && !app.has("feedback")) {
    return html`<${Off} title=${t("queue.noscope")}><button type="button" class="primary" onClick=${app.askKey}><${Icon} name="key" />${t("nav.key")}</button><//>`;
  }
  const selectable = list.records.filter((each) => batchBody(each) !== null);
  const toggle = (ids, isOn) =>
    setPicked((current) => new Set(isOn ? [...current, ...ids] : [...current].filter((id) => !ids.includes(id))));
  return html`
    <div class="page">
      <header class="page-head"><div><h1>${t("queue.title")}</h1><p class="muted">${t("queue.lead")}</p></div></header>
      <${Filters} filters=${filters} catalogue=${catalogue} onChange=${change} onClear=${clear} />
      ${list.refusal && html`<${RefusalNote} refusal=${list.refusal} onRetry=${list.reload} onKey=${app.askKey} />`}
      ${batch?.failures && html`<${BatchResult} batch=${batch} />`}
      ${selectable.length > 0 && html`
        <div class="batch">
          <label class="check"><input type="checkbox" checked=${picked.size > 0 && picked.size === selectable.length}
            onChange=${({ target }) => toggle(selectable.map((each) => each.request_id), target.checked)} />${t("queue.selectAll")}</label>
          <button type="button" class="primary" disabled=${picked.size === 0 || batch?.done !== undefined} onClick=${confirmPicked}>
            <${Icon} name="check" />${batch?.done !== undefined ? t("queue.batch.busy", batch) : t("queue.batch", { count: picked.size })}
          </button>
          <p class="fine">${t("queue.batch.help")}</p>
        </div>
      `}
      ${list.isLoading && list.records.length === 0 && html`<p class="empty">${t("common.loading")}</p>`}
      ${!list.isLoading && !list.refusal && list.records.length === 0 && html`
        <div class="nothing"><${Icon} name="check" /><h2>${t("queue.empty")}</h2><p class="muted">${t("queue.empty.text")}</p>
          <button type="button" class="quiet" onClick=${clear}>${t("queue.clear")}</button></div>
      `}
      <ul class="records">
        ${list.records.map((each) => html`
          <${Record} key=${each.request_id} record=${each} catalogue=${catalogue} keepsPhotos=${features?.photo_retention}
            isPicked=${picked.has(each.request_id)} onPick=${(isOn) => toggle([each.request_id], isOn)} />
        `)}
      </ul>
      ${list.cursor && html`<button type="button" class="more" disabled=${list.isLoading} onClick=${list.more}>${t("queue.more")}</button>`}
    </div>
  `;
}

function useCatalogue(app) {
  const [catalogue, setCatalogue] = useState(null);
  useEffect(() => {
    api.categories().then((answer) => setCatalogue(new Catalogue(answer)), () => {}); // names come with records, too
  }, [app.key]);
  return catalogue;
}

function useRecords(app, filters) {
  const [list, setList] = useState({ records: [], cursor: null });
  const [isLoading, setIsLoading] = useState(true);
  const [refusal, setRefusal] = useState(null);
  const latest = useRef(0);
  const isOn = Boolean(app.features?.feedback && app.has("feedback"));
  const load = async (cursor) => {
    const mine = ++latest.current;
    setIsLoading(true);
    try {
      const answer = await api.records({ ...bounds(filters), limit: PAGE, cursor });
      if (mine !== latest.current) return; // filters have changed since
      setList((known) => ({ records: cursor ? [...known.records, ...answer.records] : answer.records, cursor: answer.next_cursor }));
      setRefusal(null);
    } catch (reason) {
      if (mine === latest.current) setRefusal(reason);
      if (reason.needsKey) app.askKey();
    }
    if (mine === latest.current) setIsLoading(false);
  };
  useEffect(() => {
    if (isOn) load(null);
  }, [filters, app.key, isOn]);
  return { ...list, isLoading, refusal, reload: () => load(null), more: () => load(list.cursor) };
}

function Filters({ filters, catalogue, onChange, onClear }) {
  const choice = (name, label, values, told) => html`
    <label class="field"><span>${label}</span>
      <select value=${filters[name]} onChange=${({ target }) => onChange(name, target.value)}>
        ${name !== "state" && html`<option value="">${t("common.all")}</option>`}
        ${values.map((value) => html`<option key=${value} value=${value}>${told(value)}</option>`)}
      </select>
    </label>
  `;
  const text = (name, label, type) => html`
    <label class="field"><span>${label}</span>
      <input type=${type} value=${filters[name]} onChange=${({ target }) => onChange(name, target.value.trim())} /></label>
  `;
  const categories = catalogue?.choices.map((each) => each.id) ?? [];
  const isFiltered = Object.entries(NO_FILTERS).some(([name, value]) => filters[name] !== value);
  return html`
    <details class="filter-box" open=${isFiltered || window.innerWidth > NARROW}>
    <summary>${t("queue.filters")}</summary>
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      ${choice("state", t("queue.state"), STATES, (value) => t(`queue.state.${value}`))}
      ${choice("category", t("queue.category"), categories, (value) => catalogue.name(value))}
      ${choice("decision", t("queue.decision"), DECISIONS, (value) => t(`decision.${value}`))}
      ${choice("verdict", t("queue.verdict"), VERDICTS, (value) => t(`verdict.${value}`))}
      ${text("grid_id", t("queue.grid"), "search")}
      ${text("since", t("queue.since"), "date")}
      ${text("until", t("queue.until"), "date")}
      <button type="button" class="quiet" disabled=${!isFiltered} onClick=${onClear}>${t("queue.clear")}</button>
    </form>
    </details>
  `;
}

function BatchResult({ batch }) {
  const { sent, failures } = batch;
  return html`
    ${sent > 0 && html`<p class="note is-done" role="status"><${Icon} name="check" />${t("queue.batch.done", { count: sent })}</p>`}
    ${failures.length > 0 && html`<p class="note is-wrong" role="alert"><${Icon} name="warning" />${t("queue.batch.failed", { count: failures.length, reason: titleOf(failures[0]) })}</p>`}
  `;
}

function Record({ record, catalogue, keepsPhotos, isPicked, onPick }) {
  const canPick = batchBody(record) !== null;
  const name = record.external_id || record.request_id.slice(0, 8);
  const feedback = record.feedback;
  return html`
    <li class="record" data-request=${record.request_id}>
      <label class="check" title=${canPick ? null : t("queue.look.help")}>
        <input type="checkbox" checked=${isPicked} disabled=${!canPick} aria-label=${t("queue.select", { name })}
          onChange=${({ target }) => onPick(target.checked)} />
      </label>
      <${Pictures} record=${record} keepsPhotos=${keepsPhotos} />
      <div class="record-what">
        <h2><a href=${`./?record=${encodeURIComponent(record.request_id)}`}>${name}</a></h2>
        <p class="fine">
          <time datetime=${record.received_at}>${moment(record.received_at)}</time>
          ${record.grid_id && html`<span>${t("queue.grid")} ${record.grid_id}</span>`}
          ${record.point_type && html`<span>${record.point_type}</span>`}
          <span>${t("queue.photos", { count: record.photos.length })}</span>
        </p>
      </div>
      <ul class="chips">
        ${record.suggestions.map((each) => html`
          <li key=${each.category} class=${`badge is-${each.decision}`}>${catalogue?.name(each.category) ?? short(each[`name_${language()}`])} ${percent(each.probability)}</li>
        `)}
        ${record.suggestions.length === 0 && html`<li class="badge">${t(`verdict.${record.verdict}`)} · ${t("queue.nosuggestion")}</li>`}
      </ul>
      <div class="record-end">
        ${record.state === "confirmed" && feedback && html`<span class="badge is-active">${outcomeOf(feedback, catalogue)}</span>`}
        ${record.state === "awaiting" && !canPick && html`<span class="fine">${t("queue.look")}</span>`}
        <a class="button quiet" href=${`./?record=${encodeURIComponent(record.request_id)}`}>${t("queue.open")}</a>
      </div>
    </li>
  `;
}

const outcomeOf = (feedback, catalogue) =>
  feedback.categories.length
    ? feedback.categories.map((each) => catalogue?.name(each) ?? each).join(t("common.comma"))
    : t(`verdict.${feedback.verdict}`);

/** The first photo where the service keeps photos, else what names it. */
function Pictures({ record, keepsPhotos }) {
  const [url, setUrl] = useState(null);
  useEffect(() => {
    if (!keepsPhotos || !record.photos[0]?.kept) return undefined;
    let made = null;
    let isGone = false;
    api.storedPhoto(record.request_id, record.photos[0].index).then(
      (blob) => {
        if (isGone) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      },
      () => {}, // not kept, or gone since: its name is shown
    );
    return () => {
      isGone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [record.request_id, keepsPhotos]);
  const photo = record.photos[0];
  if (url) return html`<img class="record-picture" src=${url} alt=${photo.filename} decoding="async" />`;
  return html`
    <span class="record-picture is-empty" title=${photo?.sha256}><${Icon} name="photo" />
      <span>${photo?.filename || photo?.sha256?.slice(0, 8) || "—"}</span></span>
  `;
}

const Off = ({ title, text, children }) => html`
  <div class="page"><div class="nothing"><${Icon} name="warning" /><h1>${title}</h1>${text && html`<p class="muted">${text}</p>`}${children}</div></div>
`;

mount("queue", Queue);
