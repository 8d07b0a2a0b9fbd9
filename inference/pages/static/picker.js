// Choosing a category: a search field over a list, as a dialog.
import { short } from "./catalogue.js";
import { Dialog } from "./dialog.js";
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { t } from "./i18n.js";
import { language } from "./preferences.js";

export function Picker({ catalogue, onPick, onClose }) {
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const list = useRef(null);
  const matches = useMemo(() => catalogue.search(text), [catalogue, text]);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active, matches]);
  const search = (event) => {
    setText(event.target.value);
    setActive(0);
  };
  const onKey = (event) => {
    if (event.isComposing) return; // Enter that ends a pinyin input is no choice
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setActive((index) => Math.min(Math.max(index + step, 0), matches.length - 1));
    else if (event.key === "Enter" && matches[active]) onPick(matches[active].category.id);
    else return;
    event.preventDefault();
  };
  return html`
    <${Dialog} title=${t("picker.title")} onClose=${onClose} kind="picker">
      <label class="field">
        <span>${t("picker.search")}</span>
        <input type="search" role="combobox" aria-expanded="true" aria-controls="picker-list" autofocus autocomplete="off"
          aria-activedescendant=${matches[active] ? `pick-${matches[active].category.id}` : null}
          placeholder=${t("picker.example")} value=${text} onInput=${search} onKeyDown=${onKey} />
      </label>
      <p class="unseen" role="status">${t("picker.count", { count: matches.length })}</p>
      ${matches.length === 0 && html`<p class="empty">${t("picker.none", { text })}</p>`}
      <ul id="picker-list" role="listbox" aria-label=${t("picker.title")} ref=${list}>
        ${matches.map((match, index) => html`
          <${Option} key=${match.category.id} ...${match} isActive=${index === active} onPick=${onPick} />
        `)}
      </ul>
    <//>
  `;
}

function Option({ category, by, isActive, onPick }) {
  const name = category[`name_${language()}`];
  const isOther = by && !category.name_zh.includes(by) && by !== category.name_en && by !== category.id;
  return html`
    <li id=${`pick-${category.id}`} role="option" aria-selected=${isActive} onClick=${() => onPick(category.id)}>
      <span class="pick-name">${short(name)}${isOther && html`<small>${by}</small>`}</span>
      <span class="pick-codes">${category.codes.map((code) => code.code).join(" ")}</span>
      <span class="pick-department">${category.department}</span>
    </li>
  `;
}
