// Finds the texts whose contrast with their background is below WCAG AA: 4.5, or 3 for large text.
return (() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [r, g, b].map((part) => linear(part / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = (element) => {
    for (let ancestor = element; ancestor; ancestor = ancestor.parentElement) {
      const color = rgba(getComputedStyle(ancestor).backgroundColor);
      if (color[3] === 255) return color;
    }
    throw new Error("The page has no background.");
  };
  const faint = new Map();
  const check = (element, color) => {
    const style = getComputedStyle(element);
    const luminances = [luminance(rgba(color)), luminance(background(element))];
    const contrast = (Math.max(...luminances) + 0.05) / (Math.min(...luminances) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const name = `${element.tagName}.${element.className} ${element.id}`;
    if (contrast < (isLarge ? 3 : 4.5)) faint.set(name, contrast.toFixed(2));
  };
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility()) continue;
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (hasText || element.matches("input, select")) check(element, getComputedStyle(element).color);
    if (element.placeholder) check(element, getComputedStyle(element, "::placeholder").color);
  }
  return [...faint];
})();
