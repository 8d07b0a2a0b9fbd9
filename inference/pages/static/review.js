// The review page: photos in, suggestions looked at and corrected, the case confirmed.
import * as api from "./api.js";
import { PhotoFacts, StageHint, Strip } from "./around_photo.js";
import { EMPTY, feedbackBody, isDecided, nextId, reduce, rows } from "./case.js";
import { useKeys } from "./commands.js";
import { Icon } from "./dialog.js";
import { FileButtons, useDropped, Welcome } from "./files.js";
import { html, useEffect, useMemo, useReducer, useRef, useState } from "./html.js";
import { t } from "./i18n.js";
import { useAnalysis, useCatalogue, useMarks, useStoredRecord } from "./loading.js";
import { ConfirmBar, Panel } from "./panel.js";
import { PhotoView } from "./photo_view.js";
import { Picker } from "./picker.js";
import * as preferences from "./preferences.js";
import { RefusalNote } from "./refusal_note.js";
import { boxesOf } from "./seen_boxes.js";
import { mount } from "./shell.js";
import { Shortcuts } from "./shortcuts.js";

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
    const added = files.map((file) => ({
      id: nextId(),
      file,
      name: file.name || "photo.jpg",
      url: URL.createObjectURL(file),
      answer: null,
    }));
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
    dispatch({
      type: "boxDrawn",
      box: { id, photo: photo.id, category: drawing, box, score: null, context: false, origin: "officer" },
    });
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
    replace: (from) =>
      catalogue &&
      setPicking({
        pick: (to) => dispatch({ type: "categoryReplaced", from, to, isNarrower: catalogue.parentOf(to) === from }),
      }),
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
      await navigator.clipboard?.writeText(
        JSON.stringify(
          { ...state.answer, feedback: isDecided(state) ? feedbackBody(state, catalogue.parentOf) : null },
          null,
          1,
        ),
      );
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
  useKeys({
    state,
    listed,
    active,
    setActive,
    shown,
    setShown,
    boxes,
    selected,
    setSelected,
    drawing,
    size,
    zoom,
    chooser,
    actions,
    boxActions,
    dispatch,
    letGo,
    setDialog,
  });

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
    ${
      isOver &&
      html`<div class="drop-over">
        <p><${Icon} name="upload" />${t("review.drop.release")}</p>
      </div>`
    }
    ${
      picking &&
      html`<${Picker}
        catalogue=${catalogue}
        onClose=${() => setPicking(null)}
        onPick=${(category) => {
          picking.pick(category);
          setPicking(null);
        }}
      />`
    }
    ${dialog === "shortcuts" && html`<${Shortcuts} onClose=${() => setDialog(null)} />`}
    ${
      state.photos.length === 0
        ? html`
            <div class="start" key="start">
              ${refusal && html`<${RefusalNote} refusal=${refusal} onRetry=${state.refusal ? retry : reload} onKey=${app.askKey} />`}
              <${Welcome} onFiles=${addFiles} chooser=${chooser} model=${catalogue?.model} />
            </div>
          `
        : html`
            <div class="workbench" key="workbench">
              <div class="photos">
                <${PhotoView}
                  photo=${photo}
                  size=${size}
                  boxes=${boxes}
                  selected=${selected}
                  hovered=${hovered}
                  control=${zoom}
                  drawing=${drawing && (catalogue?.name(drawing) ?? drawing)}
                  actions=${boxActions}
                  onSize=${(natural) => setSizes((known) => ({ ...known, [photo.id]: natural }))}
                  busy=${state.phase === "reading" && t("photo.reading")}
                  hint=${html`<${StageHint}
                    selected=${selected}
                    drawing=${drawing && (catalogue?.name(drawing) ?? drawing)}
                    letGo=${letGo}
                    onRename=${() => actions.rename(selected)}
                    onDelete=${() => {
                      dispatch({ type: "boxRemoved", id: selected });
                      setSelected(null);
                    }}
                  />`}
                >
                  <label class="toggle" title=${t("photo.others.help")}>
                    <input
                      type="checkbox"
                      checked=${seesOthers}
                      onChange=${({ target }) => setSeesOthers(target.checked)}
                    />${t("photo.others")}
                  </label>
                  <button
                    type="button"
                    class="icon help"
                    aria-label=${t("nav.shortcuts")}
                    title=${`${t("nav.shortcuts")} (?)`}
                    onClick=${() => setDialog("shortcuts")}
                  >
                    <${Icon} name="keyboard" />
                  </button>
                <//>
                <${Strip}
                  photos=${state.photos}
                  shown=${photo}
                  phase=${state.phase}
                  onShow=${setShown}
                  onRemove=${removePhoto}
                  canRemove=${recordId.current === null && state.phase !== "sent" && state.phase !== "sending"}
                >
                  ${
                    recordId.current === null &&
                    html`
                      <button type="button" class="quiet" onClick=${clear}>${t("review.new")}</button>
                      <${FileButtons} onFiles=${addFiles} chooser=${chooser} label=${t("review.add")} />
                    `
                  }
                <//>
              </div>
              <div class="panel">
                ${refusal && html`<${RefusalNote} refusal=${refusal} onRetry=${state.refusal ? retry : reload} onKey=${app.askKey} />`}
                <${Panel}
                  state=${state}
                  catalogue=${catalogue}
                  actions=${actions}
                  active=${active}
                  hovered=${hovered}
                  photoCount=${state.photos.length}
                  ><${PhotoFacts} photo=${photo}
                /><//>
                ${state.answer && catalogue && html`<${ConfirmBar} state=${state} catalogue=${catalogue} blocked=${blocked} actions=${actions} queueLink=${recordId.current !== null} />`}
              </div>
            </div>
          `
    }
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

mount("review", Review);
