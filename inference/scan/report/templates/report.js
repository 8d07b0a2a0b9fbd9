"use strict";
// Shows one district or all in the table of months. Without this script the page shows all of them.
const table = document.getElementById("months");
const choice = document.getElementById("district");
const { counts, heats } = JSON.parse(document.getElementById("data").textContent);
if (table && choice) {
  document.getElementById("chooser").hidden = false;
  choice.addEventListener("change", () => {
    const wanted = choice.value === "" ? -1 : Number(choice.value);
    const sums = new Map();
    for (const [category, month, district, count] of counts) {
      if (wanted === -1 || district === wanted) {
        const key = category + " " + month;
        sums.set(key, (sums.get(key) || 0) + count);
      }
    }
    const largest = Math.max(1, ...sums.values());
    [...table.tBodies[0].rows].forEach((row, category) => {
      const cells = [...row.cells].slice(2);
      let sum = 0;
      cells.forEach((cell, month) => {
        const count = sums.get(category + " " + month) || 0;
        sum += count;
        cell.textContent = count ? count.toLocaleString("en") : "";
        cell.className = "h" + (count ? Math.max(1, Math.round(Math.sqrt(count / largest) * heats)) : 0);
      });
      row.cells[1].textContent = sum.toLocaleString("en");
    });
  });
}
