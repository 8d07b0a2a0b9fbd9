// Says why something was refused, and tries again by itself where that makes sense.
import { slugOf } from "./api.js";
import { Icon } from "./dialog.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { t, tOr } from "./i18n.js";

const OFFLINE_WAIT = 5; // seconds between attempts to reach the service
const PASSING_WAIT = 2; // where the service asks to wait but does not say how long

export function RefusalNote({ refusal, onRetry, onKey }) {
  const seconds = useCountdown(refusal, onRetry);
  return html`
    <div class=${`note ${refusal.passes ? "is-waiting" : "is-wrong"}`} role="alert" data-slug=${refusal.slug}>
      <${Icon} name="warning" />
      <div>
        <strong>${titleOf(refusal)}</strong>
        <p>${explained(refusal, seconds)}</p>
      </div>
      ${refusal.needsKey
        ? html`<button type="button" class="quiet" onClick=${onKey}>${t("nav.key")}</button>`
        : onRetry && html`<button type="button" class="quiet" onClick=${onRetry}>${t("common.retry")}</button>`}
    </div>
  `;
}

/** Counts down to the next attempt, makes it, and gives the seconds left; null where waiting does not help. */
function useCountdown(refusal, onRetry) {
  const wait = waitFor(refusal);
  const [left, setLeft] = useState(wait);
  const retry = useRef(onRetry);
  retry.current = onRetry;
  useEffect(() => {
    setLeft(wait);
    if (wait === null || !retry.current) return undefined;
    const until = Date.now() + wait * 1000;
    const timer = setInterval(() => {
      const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
      setLeft(seconds);
      if (seconds > 0) return;
      clearInterval(timer);
      retry.current();
    }, 250);
    const again = () => retry.current();
    window.addEventListener("online", again);
    return () => {
      clearInterval(timer);
      window.removeEventListener("online", again);
    };
  }, [refusal]);
  return left;
}

function waitFor(refusal) {
  if (refusal.slug === "offline") return OFFLINE_WAIT;
  return refusal.passes ? (refusal.retryAfter ?? PASSING_WAIT) : null;
}

export function titleOf(refusal) {
  if (refusal.status === 429) return t("refusal.busy");
  if (refusal.needsKey) return tOr(`refusal.${refusal.slug}`, t("refusal.key"));
  if (refusal.status === 403) return t("refusal.scope");
  if (refusal.status === 503) return tOr(`refusal.${refusal.slug}`, t("refusal.busy"));
  return tOr(`refusal.${refusal.slug}`, t("refusal.other"), refusal.members);
}

function explained(refusal, seconds) {
  if (refusal.slug === "offline") return t("refusal.offline.text");
  if (refusal.passes && seconds !== null) return t("refusal.busy.text", { seconds });
  return refusal.detail;
}

/** Why one photo of a case was refused: {title, detail}. */
export const photoRefusal = (error) => ({
  title: tOr(`refusal.${slugOf(error.type)}`, error.title),
  detail: error.detail,
});
