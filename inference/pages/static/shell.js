// What every page has around it: navigation, language, theme, the key, and what is announced to screen readers.
import * as api from "./api.js";
import { Dialog, Icon } from "./dialog.js";
import { html, render, useCallback, useEffect, useState } from "./html.js";
import { t } from "./i18n.js";
import * as preferences from "./preferences.js";

const THEMES = { "": "dark", dark: "light", light: "" };
const THEME_ICONS = { "": "system", light: "sun", dark: "moon" };
const PAGES = [["review", "./"], ["queue", "queue"], ["dashboard", "dashboard"]];
const TITLES = { review: "review.title", queue: "queue.title", dashboard: "dash.title" };
const FEATURES_AGAIN = 3000; // milliseconds until features are asked for again after a failure

/** Show a page: a component that is given `app`. */
export function mount(page, component) {
  const root = document.getElementById("app");
  root.replaceChildren();
  render(html`<${Shell} page=${page} component=${component} />`, root);
}

function Shell({ page, component: Page }) {
  const [, redraw] = useState(0);
  const [key, setKey] = useState(preferences.apiKey());
  const [asksKey, setAsksKey] = useState(false);
  const [said, setSaid] = useState("");
  const features = useFeatures(key);
  const askKey = useCallback(() => setAsksKey(true), []);
  const app = { features, key, askKey, announce: setSaid, has: (scope) => features?.scopes.includes(scope) ?? false };
  const change = (apply) => (value) => {
    apply(value);
    redraw((count) => count + 1);
  };
  const saveKey = (value) => {
    preferences.setApiKey(value);
    setKey(value);
    setAsksKey(false);
  };
  useEffect(() => {
    document.title = `${t(TITLES[page])} · street-patrol`;
  });
  return html`
    <a class="skip" href="#main">${t("nav.skip")}</a>
    <${Header} page=${page} app=${app} setTheme=${change(preferences.setTheme)} setLanguage=${change(preferences.setLanguage)} />
    <main id="main" class=${page} tabindex="-1"><${Page} app=${app} /></main>
    <div class="unseen" role="status" aria-live="polite">${said}</div>
    ${asksKey && html`<${KeyDialog} save=${saveKey} onClose=${() => setAsksKey(false)} />`}
  `;
}

function useFeatures(key) {
  const [features, setFeatures] = useState(null);
  useEffect(() => {
    let timer = null;
    let isGone = false;
    const ask = () =>
      api.features().then(
        (answer) => isGone || setFeatures(answer),
        () => {
          if (!isGone) timer = setTimeout(ask, FEATURES_AGAIN);
        },
      );
    ask();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [key]);
  return features;
}

function Header({ page, app, setTheme, setLanguage }) {
  const theme = preferences.theme();
  const themeLabel = t("nav.theme", { theme: t(`nav.theme.${theme}`) });
  return html`
    <header class="top">
      <a class="brand" href="./"><${Mark} /><span>${t("app.name")}</span></a>
      <nav aria-label=${t("nav.label")}>
        ${PAGES.map(([name, address]) => html`
          <a key=${name} href=${address} aria-current=${name === page ? "page" : null}>${t(`nav.${name}`)}</a>
        `)}
      </nav>
      <div class="tools">
        ${(app.features?.keys || app.key) && html`
          <button type="button" class="icon" title=${t("nav.key")} aria-label=${t("nav.key")} onClick=${app.askKey}>
            <${Icon} name="key" />
          </button>
        `}
        <button type="button" class="icon" title=${themeLabel} aria-label=${themeLabel} onClick=${() => setTheme(THEMES[theme])}>
          <${Icon} name=${THEME_ICONS[theme]} />
        </button>
        <button type="button" class="quiet language" lang=${preferences.language() === "en" ? "zh-CN" : "en"}
          onClick=${() => setLanguage(preferences.language() === "en" ? "zh" : "en")}>${t("nav.language")}</button>
      </div>
    </header>
  `;
}

const Mark = () => html`
  <svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
    <rect width="32" height="32" rx="7" />
    <path d="M8 12V9a1 1 0 0 1 1-1h3M20 8h3a1 1 0 0 1 1 1v3M24 20v3a1 1 0 0 1-1 1h-3M12 24H9a1 1 0 0 1-1-1v-3" />
    <path d="m11.5 16.4 3.2 3.1 6-6.6" />
  </svg>
`;

function KeyDialog({ save, onClose }) {
  const submit = (event) => {
    event.preventDefault();
    save(new FormData(event.target).get("key").trim());
  };
  return html`
    <${Dialog} title=${t("key.title")} onClose=${onClose}>
      <form onSubmit=${submit}>
        <p>${t("key.text")}</p>
        <label class="field"><span>${t("key.label")}</span>
          <input name="key" type="password" autocomplete="off" autofocus required value=${preferences.apiKey()} />
        </label>
        <footer class="dialog-foot">
          ${preferences.apiKey() && html`<button type="button" class="quiet" onClick=${() => save("")}>${t("key.forget")}</button>`}
          <button type="submit" class="primary">${t("key.save")}</button>
        </footer>
      </form>
    <//>
  `;
}
