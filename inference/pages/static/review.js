// The review page: photos in, suggestions looked at and corrected, the case confirmed.
import * as api from "./api.js";
import { Catalogue } from "./catalogue.js";
import { EMPTY, feedbackBody, isDecided, nextId, reduce, rows } from "./case.js";
import { Icon } from "./dialog.js";
import { FileButtons, useDropped, Welcome } from "./files.js";
import { html, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "./html.js";
import { percent, t, tOr } from "./i18n.js";
import { ConfirmBar, Panel } from "./panel.js";
import { PhotoView } from "./photo_view.js";
import { Picker } from "./picker.js";
import * as preferences from "./preferences.js";
import { photoRefusal, RefusalNote } from "./refusal_note.js";
import { mount } from "./shell.js";
import { command, Shortcuts } from "./shortcuts.js";
import { moved, stretched } from "./viewport.js";

const NUDGE = 0.005; // of the photo's longer side that an arrow key moves a box
const PLACED = 0.3; // of each side, of a box that a key places

function Review({ app }) {
  const [state, dispatch] = useReducer(reduce, EMPTY);
  const [shown, setShown] = useState(0); // index of the photo on the stage
  const [active, setActive] = useState(0); // index of the row that keys act on
  const [hovered, setHovered] = useState(null); // category
  const [selected, setSelected] = useState(null); // box id
  const [drawing, setDrawing] = useState(null); // category to draw a box for
  const [picking, setPicking] = useState(null); // what to do with a picked category: {pick}
  const [dialog, setDialog] = useState(null);
  const [seesOthers, setSeesOthers] = useState(false);
  const [sizes, setSizes] = useState({});
  const chooser = useRef(null);
  const zoom = useRef({});
  const { catalogue, refusal: catalogueRefusal, setScheme, reload } = useCatalogue(app);
  const recordId = useRef(new URLSearchParams(location.search).get("record"));

  const photo = state.photos[Math.min(shown, state.photos.length - 1)];
  const size = photo && sizeOf(photo, sizes);
  const listed = rows(state);
  const boxes = useMemo(
    () => (photo ? boxesOf(state, photo, catalogue, seesOthers) : []),
    [state, photo, catalogue, seesOthers, preferences.language()],
  );
  const blocked = blockedBy(app, state);
  const { analyse, cancel } = useAnalysis(dispatch, app);
  const reopen = useStoredRecord(recordId, dispatch, app);
  useMarks(state.answer);
  useEffect(() => {
    if (state.refusal?.needsKey) app.askKey();
  }, [state.refusal]);

  const addFiles = (files) => {
    if (files.length === 0) return;
    performance.mark("patrol:dropped");
    const isNew = state.phase === "sent" || recordId.current !== null;
    if (isNew) clear();
    const added = files.map((file) => ({ id: nextId(), file, name: file.name || "photo.jpg", url: URL.createObjectURL(file), answer: null }));
    dispatch({ type: "photosAdded", photos: added });
    setShown(isNew ? 0 : state.photos.length);
    analyse(isNew ? added : [...state.photos, ...added]);
  };

  const removePhoto = (removed) => {
    URL.revokeObjectURL(removed.url);
    const left = state.photos.filter((each) => each !== removed);
    setShown((index) => Math.max(0, Math.min(index, left.length - 1)));
    if (left.length === 0) {
      clear();
      return;
    }
    dispatch({ type: "photoRemoved", id: removed.id });
    analyse(left);
  };

  const clear = () => {
    cancel();
    for (const each of state.photos) if (each.url) URL.revokeObjectURL(each.url);
    if (recordId.current !== null) history.replaceState(null, "", location.pathname);
    recordId.current = null;
    dispatch({ type: "cleared" });
    setShown(0);
    setActive(0);
    letGo();
  };

  const letGo = () => {
    setSelected(null);
    setDrawing(null);
  };

  const drawBox = (box) => {
    const id = nextId();
    dispatch({ type: "boxDrawn", box: { id, photo: photo.id, category: drawing, box, score: null, context: false, origin: "officer" } });
    setDrawing(null);
    setSelected(id);
  };

  const confirm = async () => {
    if (blocked || !catalogue || state.phase !== "answered" || !isDecided(state)) return;
    dispatch({ type: "sending" });
    letGo();
    try {
      dispatch({ type: "sent", receipt: await api.sendFeedback(feedbackBody(state, catalogue.parentOf)) });
      app.announce(t("review.sent"));
    } catch (refusal) {
      dispatch({ type: "refused", refusal: Object.assign(refusal, { during: "sending" }) });
    }
  };

  const next = async () => {
    if (recordId.current === null) {
      clear();
      return;
    }
    const waiting = await api.records({ state: "awaiting", limit: 1 }).catch(() => ({ records: [] }));
    if (waiting.records.length) location.search = `?record=${encodeURIComponent(waiting.records[0].request_id)}`;
    else location.href = "queue";
  };

  const actions = {
    scheme: setScheme,
    hover: setHovered,
    focusRow: setActive,
    choose: (category, choice) => dispatch({ type: "chosen", category, choice }),
    add: () => catalogue && setPicking({ pick: (category) => dispatch({ type: "categoryAdded", category }) }),
    replace: (from) => catalogue && setPicking({ pick: (to) => dispatch({ type: "categoryReplaced", from, to, isNarrower: catalogue.parentOf(to) === from }) }),
    rename: (id) => catalogue && setPicking({ pick: (category) => dispatch({ type: "boxRenamed", id, category }) }),
    draw: (category) => {
      setSelected(null);
      setDrawing((current) => (current === category ? null : category));
      document.querySelector(".viewer").scrollIntoView({ block: "nearest" });
    },
    photo: setShown,
    outcome: (outcome) => dispatch({ type: "outcome", outcome }),
    note: (note) => dispatch({ type: "note", note }),
    edit: () => dispatch({ type: "edited" }),
    copy: async () => {
      await navigator.clipboard?.writeText(JSON.stringify({ ...state.answer, feedback: isDecided(state) ? feedbackBody(state, catalogue.parentOf) : null }, null, 1));
      app.announce(t("review.copied"));
    },
    confirm,
    next,
  };
  const boxActions = {
    select: setSelected,
    hover: setHovered,
    draw: drawBox,
    change: (id, box) => dispatch({ type: "boxChanged", id, box }),
  };
  const isOver = useDropped(addFiles);
  useKeys({ state, listed, active, setActive, shown, setShown, boxes, selected, setSelected, drawing, size, zoom, chooser, actions, boxActions, dispatch, letGo, setDialog });

  const retry = () => {
    if (state.refusal?.during === "sending") confirm();
    else if (recordId.current !== null) reopen();
    else if (state.photos.length > 0) analyse(state.photos);
  };
  useEffect(() => {
    if (app.key && state.refusal?.needsKey && recordId.current === null) retry();
  }, [app.key]);
  const refusal = state.refusal ?? catalogueRefusal;
  return html`
    ${isOver && html`<div class="drop-over"><p><${Icon} name="upload" />${t("review.drop.release")}</p></div>`}
    ${picking && html`<${Picker} catalogue=${catalogue} onClose=${() => setPicking(null)}
      onPick=${(category) => { picking.pick(category); setPicking(null); }} />`}
    ${dialog === "shortcuts" && html`<${Shortcuts} onClose=${() => setDialog(null)} />`}
    ${state.photos.length === 0
      ? html`
          <div class="start" key="start">
            ${refusal && html`<${RefusalNote} refusal=${refusal} onRetry=${state.refusal ? retry : reload} onKey=${app.askKey} />`}
            <${Welcome} onFiles=${addFiles} chooser=${chooser} model=${catalogue?.model} />
          </div>
        `
      : html`
          <div class="workbench" key="workbench">
            <div class="photos">
              <${PhotoView} photo=${photo} size=${size} boxes=${boxes} selected=${selected} hovered=${hovered} control=${zoom}
                drawing=${drawing && (catalogue?.name(drawing) ?? drawing)} actions=${boxActions}
                onSize=${(natural) => setSizes((known) => ({ ...known, [photo.id]: natural }))}
                busy=${state.phase === "reading" && t("photo.reading")}
                hint=${html`<${StageHint} selected=${selected} drawing=${drawing && (catalogue?.name(drawing) ?? drawing)} letGo=${letGo}
                  onRename=${() => actions.rename(selected)}
                  onDelete=${() => { dispatch({ type: "boxRemoved", id: selected }); setSelected(null); }} />`}>
                <label class="toggle" title=${t("photo.others.help")}>
                  <input type="checkbox" checked=${seesOthers} onChange=${({ target }) => setSeesOthers(target.checked)} />${t("photo.others")}
                </label>
                <button type="button" class="icon help" aria-label=${t("nav.shortcuts")} title=${`${t("nav.shortcuts")} (?)`}
                  onClick=${() => setDialog("shortcuts")}><${Icon} name="keyboard" /></button>
              <//>
              <${Strip} photos=${state.photos} shown=${photo} phase=${state.phase} onShow=${setShown} onRemove=${removePhoto}
                canRemove=${recordId.current === null && state.phase !== "sent" && state.phase !== "sending"}>
                ${recordId.current === null && html`
                  <button type="button" class="quiet" onClick=${clear}>${t("review.new")}</button>
                  <${FileButtons} onFiles=${addFiles} chooser=${chooser} label=${t("review.add")} />
                `}
              <//>
            </div>
            <div class="panel">
              ${refusal && html`<${RefusalNote} refusal=${refusal} onRetry=${state.refusal ? retry : reload} onKey=${app.askKey} />`}
              <${Panel} state=${state} catalogue=${catalogue} actions=${actions} active=${active} hovered=${hovered}
                photoCount=${state.photos.length}><${PhotoFacts} photo=${photo} /><//>
              ${state.answer && catalogue && html`<${ConfirmBar} state=${state} catalogue=${catalogue} blocked=${blocked} actions=${actions} queueLink=${recordId.current !== null} />`}
            </div>
          </div>
        `}
  `;
}

function sizeOf(photo, sizes) {
  const { width, height } = photo.answer ?? {};
  return width && height ? { width, height } : (sizes[photo.id] ?? null);
}

function blockedBy(app, state) {
  if (app.features === null) return t("common.loading");
  if (!app.features.feedback) return t("review.off");
  if (!app.has("feedback")) return t("review.noscope");
  return state.answer === null ? t("common.loading") : null;
}

/** The boxes of a photo that are to be seen, with what is written on them. */
function boxesOf(state, photo, catalogue, seesOthers) {
  const counts = {};
  return state.boxes
    .filter((each) => each.photo === photo.id)
    .map((each) => ({ ...each, row: rowOf(state, each, catalogue) }))
    .filter((each) => each.row !== null || seesOthers)
    .map((each) => {
      counts[each.category] = (counts[each.category] ?? 0) + 1;
      return { ...each, ...told(each, counts[each.category], state, catalogue) };
    });
}

/** The category of the row that a box is evidence for, or null. */
function rowOf(state, { category, context }, catalogue) {
  if (context) return null;
  const row = rows(state).find((each) => each.category === category || catalogue?.isEvidence(each.category, category));
  return row?.category ?? null;
}

function told({ category, score, origin, context, row }, number, state, catalogue) {
  const name = catalogue?.name(category) ?? category;
  const isDrawn = origin === "officer";
  const said = t(isDrawn ? "photo.drawn" : "photo.box", { name, number, percent: percent(score ?? 0) });
  return { kind: kindOf(state, row, context), label: name, said };
}

function kindOf(state, row, context) {
  if (row === null) return context ? "context" : "other";
  return state.outcome ? "no" : (state.choices[row] ?? "open");
}

function useCatalogue(app) {
  const [catalogue, setCatalogue] = useState(null);
  const [refusal, setRefusal] = useState(null);
  const [scheme, setScheme] = useState(preferences.scheme());
  const load = () =>
    api.categories(scheme).then(
      (answer) => {
        setCatalogue(new Catalogue(answer));
        setRefusal(null);
      },
      (reason) => {
        if (reason.slug === "unknown-scheme") choose("");
        else setRefusal(reason);
        if (reason.needsKey) app.askKey();
      },
    );
  const choose = (name) => {
    preferences.setScheme(name);
    setScheme(name);
  };
  useEffect(() => {
    load();
  }, [scheme, app.key]);
  return { catalogue, refusal, setScheme: choose, reload: load };
}

/** Sends photos to be judged; a later call takes the place of one still under way. */
function useAnalysis(dispatch, app) {
  const current = useRef(null);
  const analyse = async (photos) => {
    current.current?.abort();
    const control = new AbortController();
    current.current = control;
    dispatch({ type: "reading" });
    app.announce(t("review.reading", { count: photos.length }));
    try {
      const answer = await api.classify(photos.map((photo) => photo.file), "", control.signal);
      dispatch({ type: "answered", answer });
      const verdict = t(`verdict.${answer.verdict}`);
      app.announce(t("review.arrived", { verdict, count: answer.suggestions.length }));
    } catch (refusal) {
      if (refusal.name !== "AbortError") dispatch({ type: "refused", refusal });
    }
  };
  return { analyse, cancel: () => current.current?.abort() };
}

/** Opens the record that the address names, with its photos where the service kept them. */
function useStoredRecord(recordId, dispatch, app) {
  const open = async (id) => {
    const record = await api.record(id);
    const photos = record.photos.map((answer) => ({
      id: nextId(), file: null, name: answer.filename || answer.sha256?.slice(0, 12) || `${answer.index + 1}`, url: null, kept: null, answer,
    }));
    dispatch({ type: "opened", record, photos });
    for (const [index, photo] of photos.entries()) {
      const blob = photo.answer.kept ? await api.storedPhoto(id, index).catch(() => null) : null;
      dispatch({ type: "photoShown", id: photo.id, url: blob && URL.createObjectURL(blob) });
    }
  };
  const reopen = () => {
    if (recordId.current !== null) open(recordId.current).catch((refusal) => dispatch({ type: "refused", refusal }));
  };
  useEffect(reopen, [app.key]);
  return reopen;
}

/** Measures from the drop to the boxes' first frame; benchmarks/page_speed.py reads it. */
function useMarks(answer) {
  useLayoutEffect(() => {
    if (answer === null || performance.getEntriesByName("patrol:dropped").length === 0) return;
    requestAnimationFrame(() => {
      performance.measure("patrol:drop-to-boxes", "patrol:dropped");
      performance.clearMarks("patrol:dropped");
    });
  }, [answer]);
}

function useKeys(context) {
  const now = useRef(null);
  now.current = context;
  useEffect(() => {
    const onKey = (event) => {
      const asked = command(event);
      if (asked && perform(now.current, ...asked)) event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

/** Do what a key asks for; gives whether it did. */
function perform(context, name, value) {
  const act = COMMANDS[name];
  const needsCase = !["open", "help"].includes(name);
  if (!act || (needsCase && context.state.answer === null)) return false;
  const isLocked = ["sent", "sending"].includes(context.state.phase);
  if (isLocked && !["confirm", "help", "open", "zoomIn", "zoomOut", "whole", "nextPhoto", "previousPhoto"].includes(name)) return false;
  return act(context, value) !== false;
}

const clamp = (value, count) => Math.min(Math.max(value, 0), Math.max(count - 1, 0));
const choose = (choice) => ({ listed, active, actions }) => {
  if (!listed[active]) return false;
  actions.choose(listed[active].category, choice);
  return true;
};
const selectRow = (step) => ({ setActive, listed }) => {
  setActive((index) => clamp(index + step, listed.length));
  requestAnimationFrame(() => document.querySelector(".row.is-active")?.scrollIntoView({ block: "nearest" }));
};
const changeBox = (change) => ({ boxes, selected, size, boxActions }, [right, down]) => {
  const each = boxes.find((box) => box.id === selected);
  if (!each) return false;
  const step = Math.max(size.width, size.height) * NUDGE;
  boxActions.change(selected, change(each.box, right * step, down * step, size));
  return true;
};
const selectBox = (step) => ({ boxes, selected, setSelected }) => {
  if (boxes.length === 0) return false;
  const at = boxes.findIndex((box) => box.id === selected);
  const from = at < 0 && step < 0 ? 0 : at;
  setSelected(boxes[(from + step + boxes.length) % boxes.length].id);
  return true;
};

const COMMANDS = {
  open: ({ chooser }) => chooser.current?.(),
  help: ({ setDialog }) => setDialog("shortcuts"),
  nextRow: selectRow(1),
  previousRow: selectRow(-1),
  yes: choose("yes"),
  no: choose("no"),
  undecided: choose(null),
  row: ({ listed, state, actions, setActive }, index) => {
    if (!listed[index]) return false;
    setActive(index);
    actions.choose(listed[index].category, state.choices[listed[index].category] === "yes" ? null : "yes");
    return true;
  },
  add: ({ actions }) => actions.add(),
  replace: ({ actions, listed, active, selected }) => {
    if (selected) return actions.rename(selected);
    return listed[active] ? actions.replace(listed[active].category) : false;
  },
  draw: ({ actions, listed, active }) => (listed[active] ? actions.draw(listed[active].category) : false),
  nextBox: selectBox(1),
  previousBox: selectBox(-1),
  nudge: changeBox(moved),
  stretch: changeBox((box, right, down, size) => stretched(box, [0, 0, right, down], size)),
  deleteBox: ({ selected, dispatch, setSelected }) => {
    if (!selected) return false;
    dispatch({ type: "boxRemoved", id: selected });
    setSelected(null);
    return true;
  },
  placeBox: ({ drawing, boxActions, size }) => {
    if (!drawing || !size) return false;
    const [x, y] = [size.width * (0.5 - PLACED / 2), size.height * (0.5 - PLACED / 2)];
    boxActions.draw([x, y, size.width - x, size.height - y].map(Math.round));
    return true;
  },
  zoomIn: ({ zoom }) => zoom.current.in(),
  zoomOut: ({ zoom }) => zoom.current.out(),
  whole: ({ zoom }) => zoom.current.whole(),
  nextPhoto: ({ setShown, state }) => setShown((index) => clamp(index + 1, state.photos.length)),
  previousPhoto: ({ setShown, state }) => setShown((index) => clamp(index - 1, state.photos.length)),
  noIssue: ({ actions }) => actions.outcome("no_issue"),
  unrelated: ({ actions }) => actions.outcome("unrelated"),
  confirm: ({ actions, state }) => (state.phase === "sent" ? actions.next() : actions.confirm()),
  letGo: ({ letGo }) => letGo(),
};

/** What can be done with the selected box, or how to draw one. */
function StageHint({ selected, drawing, letGo, onRename, onDelete }) {
  if (drawing) {
    return html`<p class="stage-hint"><span class="hint-text">${t("photo.drawing", { name: drawing })}</span>
      <button type="button" class="quiet" onClick=${letGo}>${t("common.cancel")}</button></p>`;
  }
  if (!selected) return null;
  return html`
    <p class="stage-hint"><span class="hint-text keys">${t("photo.selected")}</span>
      <button type="button" class="quiet" onClick=${onRename}><${Icon} name="swap" />${t("photo.rename")}</button>
      <button type="button" class="quiet" onClick=${onDelete}><${Icon} name="trash" />${t("photo.delete")}</button>
      <button type="button" class="quiet" onClick=${letGo}>${t("photo.done")}</button></p>
  `;
}

/** What is to be said about the photo on the stage: why it was refused, or what is unusual about it. */
function PhotoFacts({ photo }) {
  const error = photo.answer?.error && photoRefusal(photo.answer.error);
  const warnings = photo.answer?.warnings ?? [];
  return html`
    ${error && html`<div class="note is-wrong photo-error" role="alert"><${Icon} name="warning" /><div><strong>${photo.name}${t("common.colon")}${error.title}</strong><p>${error.detail}</p></div></div>`}
    ${warnings.map((warning) => html`<p key=${warning} class="note is-waiting"><${Icon} name="warning" />${tOr(`photo.warning.${warning}`, warning)}</p>`)}
  `;
}

function Strip({ photos, shown, phase, onShow, onRemove, canRemove, children }) {
  return html`
    <div class="strip">
      <ul aria-label=${t("review.photos")}>
        ${photos.map((photo, index) => html`
          <li key=${photo.id} class=${`thumb ${photo === shown ? "is-shown" : ""}`}>
            <button type="button" class="thumb-face" aria-current=${photo === shown} onClick=${() => onShow(index)}
              aria-label=${t("review.photo", { index: index + 1, count: photos.length, name: photo.name })}>
              <${Thumb} photo=${photo} index=${index} />
              <span class=${`thumb-state is-${thumbState(photo, phase)}`} aria-hidden="true"></span>
            </button>
            ${canRemove && html`
              <button type="button" class="thumb-remove" aria-label=${t("review.remove", { name: photo.name })} onClick=${() => onRemove(photo)}>
                <${Icon} name="close" />
              </button>
            `}
          </li>
        `)}
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

mount("review", Review);
