// What stands around the photo under review: what can be done with a box, notes, and the strip of all photos.
import { Icon } from "./dialog.js";
import { html, useState } from "./html.js";
import { t, tOr } from "./i18n.js";
import { photoRefusal } from "./refusal_note.js";

/** What can be done with the selected box, or how to draw one. */
export function StageHint({ selected, drawing, letGo, onRename, onDelete }) {
  if (drawing) {
    return html`<p class="stage-hint">
      <span class="hint-text">${t("photo.drawing", { name: drawing })}</span>
      <button type="button" class="quiet" onClick=${letGo}>${t("common.cancel")}</button>
    </p>`;
  }
  if (!selected) return null;
  return html`
    <p class="stage-hint">
      <span class="hint-text keys">${t("photo.selected")}</span>
      <button type="button" class="quiet" onClick=${onRename}><${Icon} name="swap" />${t("photo.rename")}</button>
      <button type="button" class="quiet" onClick=${onDelete}><${Icon} name="trash" />${t("photo.delete")}</button>
      <button type="button" class="quiet" onClick=${letGo}>${t("photo.done")}</button>
    </p>
  `;
}

/** What is to be said about the photo on the stage: why it was refused, or what is unusual about it. */
export function PhotoFacts({ photo }) {
  const error = photo.answer?.error && photoRefusal(photo.answer.error);
  const warnings = photo.answer?.warnings ?? [];
  return html`
    ${
      error &&
      html`<div class="note is-wrong photo-error" role="alert">
        <${Icon} name="warning" />
        <div>
          <strong>${photo.name}${t("common.colon")}${error.title}</strong>
          <p>${error.detail}</p>
        </div>
      </div>`
    }
    ${warnings.map((warning) => html`<p key=${warning} class="note is-waiting"><${Icon} name="warning" />${tOr(`photo.warning.${warning}`, warning)}</p>`)}
  `;
}

export function Strip({ photos, shown, phase, onShow, onRemove, canRemove, children }) {
  return html`
    <div class="strip">
      <ul aria-label=${t("review.photos")}>
        ${photos.map(
          (photo, index) => html`
            <li key=${photo.id} class=${`thumb ${photo === shown ? "is-shown" : ""}`}>
              <button
                type="button"
                class="thumb-face"
                aria-current=${photo === shown}
                onClick=${() => onShow(index)}
                aria-label=${t("review.photo", { index: index + 1, count: photos.length, name: photo.name })}
              >
                <${Thumb} photo=${photo} index=${index} />
                <span class=${`thumb-state is-${thumbState(photo, phase)}`} aria-hidden="true"></span>
              </button>
              ${
                canRemove &&
                html`
                  <button
                    type="button"
                    class="thumb-remove"
                    aria-label=${t("review.remove", { name: photo.name })}
                    onClick=${() => onRemove(photo)}
                  >
                    <${Icon} name="close" />
                  </button>
                `
              }
            </li>
          `,
        )}
      </ul>
      ${children && html`<div class="strip-buttons">${children}</div>`}
    </div>
  `;
}

function Thumb({ photo, index }) {
  const [isBroken, setIsBroken] = useState(false);
  if (!photo.url || isBroken) return html`<span class="thumb-number">${index + 1}</span>`;
  return html`<img src=${photo.url} alt="" decoding="async" draggable=${false} onError=${() => setIsBroken(true)} />`;
}

function thumbState(photo, phase) {
  if (photo.answer === null) return phase === "reading" ? "reading" : "none";
  if (photo.answer.error) return "failed";
  return photo.answer.verdict ?? "none";
}
