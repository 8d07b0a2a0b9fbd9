// The keys of the review page: what each does, and the list of them.
import { Dialog } from "./dialog.js";
import { html } from "./html.js";
import { t } from "./i18n.js";

const LIST = [
  ["open", "O"], ["rows", "J / K"], ["yes", "Y / N / U"], ["number", "1 – 9"], ["add", "A"], ["replace", "R"],
  ["draw", "B"], ["boxes", ", / ."], ["nudge", "↑ ↓ ← →"], ["delete", "Delete"], ["zoom", "+ / − / 0"],
  ["photos", "[ / ]"], ["outcomes", "Shift+N / Shift+S"], ["confirm", "Ctrl+Enter"], ["help", "?"],
];

const KEYS = {
  o: "open", j: "nextRow", k: "previousRow", y: "yes", n: "no", u: "undecided", a: "add", r: "replace", b: "draw",
  ",": "previousBox", ".": "nextBox", Delete: "deleteBox", Backspace: "deleteBox", "+": "zoomIn", "=": "zoomIn",
  "-": "zoomOut", 0: "whole", "[": "previousPhoto", "]": "nextPhoto", N: "noIssue", S: "unrelated", "?": "help",
  Escape: "letGo", Enter: "placeBox",
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const isTyping = ({ target }) => target.closest("input, textarea, select") !== null;

/** What a key asks for, as [name, value], or null. */
export function command(event) {
  if (document.querySelector("dialog[open]") || event.isComposing) return null;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return ["confirm"];
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key in ARROWS) return [event.shiftKey ? "stretch" : "nudge", ARROWS[event.key]];
  if (/^[1-9]$/u.test(event.key)) return ["row", Number(event.key) - 1];
  if (event.key === "Enter" && event.target.closest("button, a")) return null;
  const name = KEYS[event.key] ?? (event.shiftKey ? null : KEYS[event.key.toLowerCase()]);
  return name ? [name] : null;
}

export function Shortcuts({ onClose }) {
  return html`
    <${Dialog} title=${t("shortcuts.title")} onClose=${onClose} kind="shortcuts">
      <dl>
        ${LIST.map(([name, keys]) => html`
          <div key=${name}><dt>${keys.split(" / ").map((key) => html`<kbd key=${key}>${key}</kbd>`)}</dt><dd>${t(`shortcuts.${name}`)}</dd></div>
        `)}
      </dl>
    <//>
  `;
}
