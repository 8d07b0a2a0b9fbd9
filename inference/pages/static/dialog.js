// A modal dialog: the browser keeps the focus inside, Escape closes it.
import { html, useEffect, useRef } from "./html.js";
import { t } from "./i18n.js";

export function Dialog({ title, onClose, children, kind = "" }) {
  const dialog = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  const onBackdrop = (event) => event.target === dialog.current && dialog.current.close();
  return html`
    <dialog ref=${dialog} class=${`dialog ${kind}`} aria-labelledby="dialog-title" onClose=${onClose} onClick=${onBackdrop}>
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id="dialog-title">${title}</h2>
          <button type="button" class="icon" aria-label=${t("common.close")} onClick=${() => dialog.current.close()}>
            <${Icon} name="close" />
          </button>
        </header>
        ${children}
      </div>
    </dialog>
  `;
}

const PATHS = {
  add: "M12 5v14M5 12h14",
  box: "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3",
  camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7",
  check: "m5 12.5 4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6 6 18",
  key: "M14.5 9.5a4 4 0 1 1-1.2-2.8 4 4 0 0 1 1.2 2.8zM13 12l7 7M17 16l-2 2",
  keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  moon: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5z",
  photo: "M4 5h16v14H4zM4 16l5-5 4 4 2-2 5 5M15 9.5h.01",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  swap: "M4 8h13l-3-3M20 16H7l3 3",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 13h8l1-13",
  upload: "M12 16V5M7.5 9.5 12 5l4.5 4.5M5 19h14",
  warning: "M12 4 2.5 20h19zM12 10v4M12 17h.01",
  whole: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  zoomIn: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.5 15.5 20 20M10.5 8v5M8 10.5h5",
  zoomOut: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.5 15.5 20 20M8 10.5h5",
};

export const Icon = ({ name }) => html`
  <svg class="glyph" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d=${PATHS[name]} /></svg>
`;
