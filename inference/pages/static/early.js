// Runs before the first paint, so that a chosen theme and language do not flash in.
{
  const read = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage is forbidden here
    }
  };
  const theme = read("patrol-theme");
  if (theme) document.documentElement.dataset.theme = theme;
  document.documentElement.lang = read("patrol-language") === "en" ? "en" : "zh-CN";
}
