// The boxes of a photo that are to be seen, and what is written on them.
import { rows } from "./case.js";
import { percent, t } from "./i18n.js";

/** The boxes of a photo that are to be seen, with what is written on them. */
export function boxesOf(state, photo, catalogue, seesOthers) {
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
