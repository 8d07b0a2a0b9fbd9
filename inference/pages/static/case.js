// The case under review, as a value and a reducer: no page, no network.
//
// phase    "empty" | "reading" | "refused" | "answered" | "sending" | "sent"
// photos   [{id, file, name, url, answer, kept}]: `answer` as in POST /v1/classify, null before it came or for a
//          photo added since; `kept` false where the service no longer has the picture
// answer   of the case, or null
// choices  category -> "yes" | "no"; what is in neither is undecided and is not recorded
// added    categories that the officer brought in, in that order
// boxes    [{id, photo, category, box, score, origin, source}]: origin "model", or "officer" once drawn or changed;
//          source names the model's box that it is or was, so that a second answer does not bring it again
// outcome  null, or why there is no category: "no_issue" | "unrelated" | "unusable"

export const EMPTY = {
  phase: "empty",
  photos: [],
  answer: null,
  refusal: null,
  choices: {},
  added: [],
  boxes: [],
  outcome: null,
  note: "",
  receipt: null,
};

let last = 0;
export const nextId = () => `i${++last}`;

const without = (items, item) => items.filter((each) => each !== item);
const replaced = (items, id, change) => items.map((each) => (each.id === id ? { ...each, ...change } : each));
const chosen = (state, category, choice) => {
  const choices = { ...state.choices, [category]: choice };
  if (!choice) delete choices[category];
  return { ...state, choices, outcome: choice === "yes" ? null : state.outcome };
};
const withCategory = (state, category) => {
  const isKnown = state.added.includes(category) || isSuggested(state, category);
  return chosen(isKnown ? state : { ...state, added: [...state.added, category] }, category, "yes");
};

const ACTIONS = {
  photosAdded: (state, { photos }) => ({ ...state, photos: [...state.photos, ...photos], refusal: null }),
  photoRemoved: (state, { id }) => ({
    ...state,
    photos: state.photos.filter((photo) => photo.id !== id),
    boxes: state.boxes.filter((box) => box.photo !== id),
  }),
  reading: (state) => ({ ...state, phase: "reading", refusal: null }),
  refused: (state, { refusal }) => ({ ...state, phase: state.answer ? "answered" : "refused", refusal }),
  answered: (state, { answer }) => answered(state, answer),
  opened: (_, { record, photos }) => opened(record, photos),
  photoShown: (state, { id, url }) => ({ ...state, photos: replaced(state.photos, id, { url, kept: url !== null }) }),
  chosen: (state, { category, choice }) => chosen(state, category, choice),
  categoryAdded: (state, { category }) => withCategory(state, category),
  categoryReplaced: (state, { from, to, isNarrower }) => categoryReplaced(state, from, to, isNarrower),
  outcome: (state, { outcome }) => ({ ...state, outcome: state.outcome === outcome ? null : outcome }),
  boxDrawn: (state, { box }) => ({ ...withCategory(state, box.category), boxes: [...state.boxes, box] }),
  boxChanged: (state, { id, box }) => ({ ...state, boxes: replaced(state.boxes, id, { box, origin: "officer" }) }),
  boxRemoved: (state, { id }) => ({ ...state, boxes: state.boxes.filter((box) => box.id !== id) }),
  boxRenamed: (state, { id, category }) => ({
    ...withCategory(state, category),
    boxes: replaced(state.boxes, id, { category, origin: "officer" }),
  }),
  note: (state, { note }) => ({ ...state, note }),
  sending: (state) => ({ ...state, phase: "sending", refusal: null }),
  sent: (state, { receipt }) => ({ ...state, phase: "sent", receipt }),
  edited: (state) => ({ ...state, phase: "answered", receipt: null }),
  cleared: () => EMPTY,
};

export const reduce = (state, action) => ACTIONS[action.type](state, action);

export const isSuggested = (state, category) =>
  state.answer !== null && state.answer.suggestions.some((suggestion) => suggestion.category === category);

/** What the model says of photos, with everything that the officer has done so far kept. */
function answered(state, answer) {
  const photos = state.photos.map((photo, index) => ({ ...photo, answer: answer.photos[index] }));
  const drawn = state.boxes.filter((box) => box.origin === "officer");
  const changed = new Set(drawn.map((box) => box.source));
  const boxes = [...drawn, ...photos.flatMap(modelBoxes).filter((box) => !changed.has(box.source))];
  const choices = { ...prefilled(answer.suggestions), ...state.choices };
  return { ...state, phase: "answered", photos, answer, boxes, choices, refusal: null };
}

const prefilled = (suggestions) =>
  Object.fromEntries(suggestions.filter((each) => each.decision === "prefill").map((each) => [each.category, "yes"]));

const modelBoxes = (photo) =>
  (photo.answer?.detections ?? []).map(({ category, box, score, context }) => ({
    id: nextId(), photo: photo.id, category, box, score, context, origin: "model", source: `${photo.id} ${category} ${box}`,
  }));

/** A record from the queue, with what was answered about it last. */
function opened(record, photos) {
  const state = answered({ ...EMPTY, photos }, { ...record, photos: record.photos });
  return record.feedback ? answeredBefore(state, record.feedback) : state;
}

function answeredBefore(state, feedback) {
  const yes = Object.fromEntries(feedback.categories.map((category) => [category, "yes"]));
  const no = Object.fromEntries(feedback.rejected.map((category) => [category, "no"]));
  const added = feedback.categories.filter((category) => !isSuggested(state, category));
  const drawn = (feedback.photos ?? []).flatMap(({ index, boxes = [] }) =>
    boxes.map(({ category, box }) => ({
      id: nextId(), photo: state.photos[index]?.id, category, box, score: null, context: false, origin: "officer",
    })),
  );
  const outcome = feedback.verdict === "issue" ? null : feedback.verdict;
  const boxes = [...drawn, ...state.boxes];
  return { ...state, choices: { ...no, ...yes }, added, boxes, outcome, note: feedback.note ?? "" };
}

/** Another category instead: the first is struck out, unless the other is a kind of it, and its boxes are renamed. */
function categoryReplaced(state, from, to, isNarrower) {
  if (from === to) return state;
  const boxes = state.boxes.map((box) => (box.category === from ? { ...box, category: to, origin: "officer" } : box));
  const named = withCategory({ ...state, boxes }, to);
  return isSuggested(state, from)
    ? chosen(named, from, isNarrower ? null : "no")
    : chosen({ ...named, added: without(named.added, from) }, from, null);
}

/** The rows to decide on: suggestions in the model's order, then what the officer brought in. */
export function rows(state) {
  const suggested = state.answer?.suggestions ?? [];
  const added = state.added.filter((category) => !isSuggested(state, category));
  return [...suggested, ...added.map((category) => ({ category, probability: null, decision: null, photo_indexes: [] }))];
}

export const confirmed = (state) => rows(state).map((row) => row.category).filter((id) => state.choices[id] === "yes");

/** What is struck out; never the parent of something confirmed, which is confirmed with it. */
export function rejected(state, parentOf) {
  const implied = new Set(confirmed(state).map(parentOf));
  return rows(state).map((row) => row.category).filter((id) => state.choices[id] === "no" && !implied.has(id));
}

export const undecided = (state) => rows(state).filter((row) => !state.choices[row.category]).length;

/** Whether there is something to record. */
export const isDecided = (state) => state.outcome !== null || confirmed(state).length > 0;

/** The body of POST /v1/feedback. Boxes of the model that the officer left alone are no labels and stay out. */
export function feedbackBody(state, parentOf) {
  const body = { request_id: state.answer.request_id };
  if (state.note.trim()) body.note = state.note.trim();
  if (state.outcome) return { ...body, categories: [], verdict: state.outcome };
  const categories = confirmed(state);
  const photos = state.photos.map((photo, index) => ({ index, boxes: drawnOn(state, photo.id, categories) }));
  return {
    ...body,
    verdict: "issue",
    categories,
    rejected: rejected(state, parentOf),
    photos: photos.filter((photo) => photo.boxes.length > 0),
  };
}

const drawnOn = (state, photo, categories) =>
  state.boxes
    .filter((each) => each.photo === photo && each.origin === "officer" && categories.includes(each.category))
    .map(({ category, box }) => ({ category, box }));
