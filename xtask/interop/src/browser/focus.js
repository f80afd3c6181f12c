// What can have the focus and is shown, and what of it the Tab key should reach: rows are walked through by arrows.
return (() => {
  const all = [...document.querySelectorAll("a[href], button, input, select, pre[tabindex='0']")];
  return all.filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0).length;
})();
