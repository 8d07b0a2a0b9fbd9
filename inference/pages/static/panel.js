// The right-hand side of a review: categories to decide on, and confirming them.
import { confirmed, isDecided, rejected, rows, undecided } from "./case.js";
import { Icon } from "./dialog.js";
import { html, useEffect, useRef } from "./html.js";
import { percent, t } from "./i18n.js";

const OUTCOMES = ["no_issue", "unrelated", "unusable"];

export function Panel({ state, catalogue, actions, active, hovered, photoCount, children }) {
  const { answer, phase } = state;
  const isLocked = phase === "sent" || phase === "sending";
  return html`
    <section class="panel-body" aria-label=${t("review.suggestions")}>
      <div class="panel-head">
        <h1>${answer ? html`<span class=${`verdict is-${answer.verdict}`}>${t(`verdict.${answer.verdict}`)}</span>` : t("review.case")}</h1>
        ${catalogue && html`<${SchemeChoice} catalogue=${catalogue} onChange=${actions.scheme} />`}
      </div>
      ${children}
      ${answer
        ? html`
            <ul class=${`rows ${state.outcome ? "is-overruled" : ""}`}>
              ${rows(state).map((row, index) => html`
                <${Row} key=${row.category} row=${row} index=${index} choice=${state.choices[row.category]} catalogue=${catalogue}
                  actions=${actions} isActive=${index === active} isHovered=${row.category === hovered}
                  photoCount=${photoCount} isLocked=${isLocked} />
              `)}
            </ul>
            ${rows(state).length === 0 && html`<p class="empty">${t("review.nothing")}</p>`}
            <button type="button" class="add-row" disabled=${isLocked || !catalogue} onClick=${actions.add}>
              <${Icon} name="add" />${t("review.addCategory")}<kbd>A</kbd>
            </button>
            <${Outcomes} outcome=${state.outcome} onChoose=${actions.outcome} isLocked=${isLocked} />
            <label class="field note-field"><span>${t("review.note")}</span>
              <textarea rows="2" maxlength="2000" value=${state.note} disabled=${isLocked} onInput=${({ target }) => actions.note(target.value)}></textarea>
            </label>
            <p class="fine facts">${t("review.model", answer.model ?? catalogue?.model ?? {})} · ${t("review.request")} <code>${answer.request_id}</code></p>
          `
        : phase === "reading" && html`<${Skeleton} />`}
    </section>
  `;
}

const Skeleton = () => html`
  <ul class="rows skeleton" aria-hidden="true">
    ${[0, 1, 2].map((each) => html`<li key=${each} class="row"><span></span><span></span></li>`)}
  </ul>
`;

function SchemeChoice({ catalogue, onChange }) {
  return html`
    <label class="scheme"><span>${t("review.scheme")}</span>
      <select value=${catalogue.scheme} onChange=${({ target }) => onChange(target.value)}>
        ${catalogue.schemes.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select>
    </label>
  `;
}

function Row({ row, index, choice, catalogue, actions, isActive, isHovered, photoCount, isLocked }) {
  const name = catalogue?.name(row.category) ?? row.name_zh;
  const state = `is-${choice ?? "open"} ${isActive ? "is-active" : ""} ${isHovered ? "is-hovered" : ""}`;
  const decision = row.decision ?? "officer";
  return html`
    <li class=${`row ${state}`} data-category=${row.category} onPointerEnter=${() => actions.hover(row.category)}
      onPointerLeave=${() => actions.hover(null)} onFocusIn=${() => actions.focusRow(index)}>
      <div class="row-head">
        <h2>${name}</h2>
        <span class=${`badge is-${decision}`} title=${row.decision ? t(`decision.${decision}.help`) : null}>${t(`decision.${decision}`)}</span>
        ${!choice && html`<span class="badge is-waiting">${t("choice.open")}</span>`}
      </div>
      ${row.probability !== null && html`<${Probability} value=${row.probability} />`}
      <${Codes} category=${catalogue?.get(row.category)} fallback=${row} />
      <div class="row-foot">
        <span class="row-links">
          <button type="button" class="link" disabled=${isLocked} onClick=${() => actions.replace(row.category)}>${t("review.replace")}</button>
          <button type="button" class="link" disabled=${isLocked} onClick=${() => actions.draw(row.category)}>${t("review.draw")}</button>
          ${photoCount > 1 && row.photo_indexes.length > 0 && html`
            <button type="button" class="link" onClick=${() => actions.photo(row.photo_indexes[0])}>
              ${t("review.on", { photos: row.photo_indexes.map((each) => each + 1).join(t("common.comma")) })}
            </button>
          `}
        </span>
        <span class="choice" role="group" aria-label=${name}>
          ${["yes", "no"].map((value) => html`
            <button key=${value} type="button" class=${`choose is-${value}`} aria-pressed=${choice === value} disabled=${isLocked}
              aria-label=${t(`choice.${value}.of`, { name })} onClick=${() => actions.choose(row.category, choice === value ? null : value)}>
              <${Icon} name=${value === "yes" ? "check" : "close"} />${t(`choice.${value}`)}
            </button>
          `)}
        </span>
      </div>
    </li>
  `;
}

const Probability = ({ value }) => html`
  <div class="probability">
    <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="4" class="meter" /><rect width=${value * 100} height="4" class="meter-value" /></svg>
    <span class="unseen">${t("review.probability", { percent: percent(value) })}</span>
    <b aria-hidden="true">${percent(value)}</b>
  </div>
`;

function Codes({ category, fallback }) {
  const codes = category?.codes ?? fallback.codes ?? [];
  const department = category?.department ?? fallback.department;
  return html`
    <p class="codes">
      ${codes.length === 0 && html`<span class="muted">${t("review.nocode")}</span>`}
      ${codes.map((code) => html`<span key=${code.code} class="code"><code>${code.code}</code> ${code.name}</span>`)}
      ${department && html`<span class="department">${department}</span>`}
    </p>
  `;
}

function Outcomes({ outcome, onChoose, isLocked }) {
  return html`
    <fieldset class="outcomes" disabled=${isLocked}>
      <legend>${t("review.outcome")}</legend>
      ${OUTCOMES.map((each) => html`
        <button key=${each} type="button" aria-pressed=${outcome === each} onClick=${() => onChoose(each)}>${t(`review.outcome.${each}`)}</button>
      `)}
    </fieldset>
  `;
}

/** The bar that ends a review; `blocked` says why nothing can be sent, or is null. */
export function ConfirmBar({ state, catalogue, blocked, actions, queueLink }) {
  const isDone = state.phase === "sent";
  const primary = useRef(null);
  useEffect(() => {
    if (isDone) primary.current?.focus();
  }, [isDone]);
  if (isDone) {
    return html`
      <footer class="confirm is-done">
        <p class="done"><${Icon} name="check" /><span><strong>${t("review.sent")}</strong> ${t("review.sent.text", state.receipt)}</span></p>
        <div class="confirm-buttons">
          <button type="button" class="quiet" onClick=${actions.edit}>${t("review.edit")}</button>
          ${queueLink && html`<a class="button quiet" href="queue">${t("review.queue")}</a>`}
          <button ref=${primary} type="button" class="primary" onClick=${actions.next}>${t("review.next")}</button>
        </div>
      </footer>
    `;
  }
  const canSend = !blocked && isDecided(state) && state.phase === "answered";
  return html`
    <footer class="confirm">
      <p class="fine" id="confirm-why">${blocked ?? summary(state, catalogue)}</p>
      <div class="confirm-buttons">
        <button type="button" class="quiet copy" onClick=${actions.copy}>${t("review.copy")}</button>
        <button type="button" class="primary send" disabled=${!canSend} aria-describedby="confirm-why" onClick=${actions.confirm}>
          <${Icon} name="check" />${confirmLabel(state)}
        </button>
      </div>
    </footer>
  `;
}

function summary(state, catalogue) {
  if (!isDecided(state)) return t("review.confirm.hint");
  if (state.outcome) return "";
  const open = undecided(state);
  const counts = t("review.summary", { yes: confirmed(state).length, no: rejected(state, catalogue.parentOf).length, open });
  return open ? html`${counts}<br />${t("review.summary.help")}` : counts;
}

function confirmLabel(state) {
  if (state.phase === "sending") return t("review.sending");
  if (!isDecided(state)) return t("review.confirm.nothing");
  if (state.outcome) return t("review.confirm.outcome", { outcome: t(`review.outcome.${state.outcome}`) });
  return t("review.confirm", { count: confirmed(state).length });
}
