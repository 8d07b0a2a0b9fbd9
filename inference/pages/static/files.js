// How photos get in: chosen, taken, dropped or pasted.
import { html, useEffect, useRef, useState } from "./html.js";
import { Icon } from "./dialog.js";
import { t } from "./i18n.js";

const ACCEPT = "image/*,.heic,.heif";

/** Buttons that choose photos and, on a phone, take one. `chooser.current()` opens the choice. */
export function FileButtons({ onFiles, chooser, isMain = false, label = t("review.choose") }) {
  const chosen = useRef(null);
  const taken = useRef(null);
  if (chooser) chooser.current = () => chosen.current.click();
  const onChange = ({ target }) => {
    onFiles([...target.files]);
    target.value = "";
  };
  return html`
    <button type="button" class=${isMain ? "primary" : "quiet"} onClick=${() => chosen.current.click()}>
      <${Icon} name=${isMain ? "photo" : "add"} />${label}
    </button>
    <button type="button" class="quiet camera" onClick=${() => taken.current.click()}>
      <${Icon} name="camera" />${t("review.camera")}
    </button>
    <input ref=${chosen} class="files" type="file" accept=${ACCEPT} multiple hidden onChange=${onChange} aria-label=${label} />
    <input ref=${taken} type="file" accept="image/*" capture="environment" hidden onChange=${onChange} aria-label=${t("review.camera")} />
  `;
}

/** Photos dropped or pasted anywhere on the page; gives whether files hover over it. */
export function useDropped(onFiles) {
  const [isOver, setIsOver] = useState(false);
  const receive = useRef(onFiles);
  receive.current = onFiles;
  useEffect(() => {
    const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const handlers = {
      dragover: (event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        setIsOver(true);
      },
      dragleave: (event) => event.relatedTarget === null && setIsOver(false),
      drop: (event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        setIsOver(false);
        receive.current([...event.dataTransfer.files]);
      },
      paste: (event) => {
        const files = [...(event.clipboardData?.files ?? [])];
        if (files.length) receive.current(files);
      },
    };
    for (const [name, handler] of Object.entries(handlers)) window.addEventListener(name, handler);
    return () => {
      for (const [name, handler] of Object.entries(handlers)) window.removeEventListener(name, handler);
    };
  }, []);
  return isOver;
}

/** What is seen before there is a photo. */
export function Welcome({ onFiles, chooser, model }) {
  return html`
    <section class="welcome">
      <h1 class="unseen">${t("review.title")}</h1>
      <div class="drop">
        <span class="drop-mark"><${Icon} name="upload" /></span>
        <h2>${t("review.drop.title")}</h2>
        <p>${t("review.drop.text")}</p>
        <div class="drop-buttons"><${FileButtons} onFiles=${onFiles} chooser=${chooser} isMain=${true} /></div>
        <p class="fine">${t("review.drop.formats")}</p>
      </div>
      <ol class="steps">
        ${[1, 2, 3].map((step) => html`<li key=${step}><span>${step}</span>${t(`review.step.${step}`)}</li>`)}
      </ol>
      <p class="fine">${model ? t("review.model", model) : "\u00a0"}</p>
    </section>
  `;
}
