// The categories: their names, and finding them by name, synonym, code, id or the initials of their pinyin.
import { language } from "./preferences.js";

/** A name without what stands in brackets behind it, for where room is scarce. */
export const short = (name) => name.replace(/\s*[(（].*/u, "") || name;

export class Catalogue {
  /** @param answer - of GET /v1/categories */
  constructor(answer) {
    this.scheme = answer.scheme;
    this.schemes = answer.schemes;
    this.model = answer.model;
    this.byId = new Map(answer.categories.map((category) => [category.id, category]));
    this.choices = answer.categories.filter((category) => category.role !== "context");
  }

  get(id) {
    return this.byId.get(id);
  }

  name(id) {
    const category = this.byId.get(id);
    return category === undefined ? id : short(category[`name_${language()}`]);
  }

  parentOf = (id) => this.byId.get(id)?.parent ?? null;

  /** Whether a box of `id` is evidence for `category`: the same, or a child of it. */
  isEvidence(category, id) {
    return id === category || this.byId.get(id)?.parent === category;
  }

  /** Matches as {category, by}, best first; `by` is the word that matched. All of them for an empty text. */
  search(text) {
    const wanted = plain(text);
    if (!wanted) return this.choices.map((category) => ({ category, by: "" }));
    return this.choices
      .map((category) => best(category, wanted))
      .filter((match) => match !== null)
      .sort((a, b) => b.rank - a.rank);
  }
}

const plain = (text) => text.normalize("NFKC").toLowerCase().replace(/[\s/、·_-]+/gu, "");

const EXACT = 3;
const STARTS = 2;
const HOLDS = 1;

const rankOf = (word, wanted) => {
  const found = plain(word);
  if (found === wanted) return EXACT;
  if (found.startsWith(wanted)) return STARTS;
  return found.includes(wanted) ? HOLDS : 0;
};

function best(category, wanted) {
  const words = [category.name_zh, ...category.name_zh.split("/"), category.name_en, ...category.synonyms, category.id];
  words.push(...category.codes.flatMap((code) => [code.code, code.name]));
  let top = null;
  for (const word of words) {
    const rank = Math.max(rankOf(word, wanted), startsWithInitials(word, wanted) ? STARTS : 0);
    if (rank > (top?.rank ?? 0)) top = { category, by: word, rank };
  }
  return top;
}

const startsWithInitials = (word, wanted) => /^[a-z]{2,}$/u.test(wanted) && initials(word).startsWith(wanted);

// Sorted by pinyin, each of these is the first character of its initial.
const FIRST_OF = [..."阿八嚓哒妸发旮哈讥咔垃痳拏噢妑七呥扨它穵夕丫帀"];
const INITIALS = "abcdefghjklmnopqrstwxyz";
const pinyin = new Intl.Collator("zh-Hans-u-co-pinyin");
const known = new Map();

/** "店外经营" -> "dwjy". A character of several readings counts by one of them. */
export function initials(word) {
  if (!known.has(word)) known.set(word, [...word].map(initial).join(""));
  return known.get(word);
}

function initial(character) {
  if (!/\p{Script=Han}/u.test(character)) return "";
  const at = FIRST_OF.findLastIndex((first) => pinyin.compare(first, character) <= 0);
  return at < 0 ? "" : INITIALS[at];
}
