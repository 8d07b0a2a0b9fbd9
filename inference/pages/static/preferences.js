// What this browser remembers: language and theme for good, the API key until the tab is closed.

const read = (storage, name) => {
  try {
    return globalThis[storage].getItem(name);
  } catch {
    return null; // storage is forbidden here: nothing is remembered
  }
};

const write = (storage, name, value) => {
  try {
    if (value) globalThis[storage].setItem(name, value);
    else globalThis[storage].removeItem(name);
  } catch {
    // the choice holds until the page is left
  }
};

/** The chosen theme: "light", "dark", or "" for the system's. */
export const theme = () => document.documentElement.dataset.theme ?? "";

export function setTheme(value) {
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
  write("localStorage", "patrol-theme", value);
}

/** "zh" or "en". */
export const language = () => (document.documentElement.lang === "en" ? "en" : "zh");

export function setLanguage(value) {
  document.documentElement.lang = value === "en" ? "en" : "zh-CN";
  write("localStorage", "patrol-language", value);
}

/** The code scheme chosen last, or "" for the service's default. */
export const scheme = () => read("localStorage", "patrol-scheme") ?? "";
export const setScheme = (value) => write("localStorage", "patrol-scheme", value);

let key = read("sessionStorage", "patrol-key") ?? "";
export const apiKey = () => key;
export function setApiKey(value) {
  key = value;
  write("sessionStorage", "patrol-key", value);
}
