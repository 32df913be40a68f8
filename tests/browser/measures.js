// What a page looks like, in figures. Evaluated in it by the tests, from outside of its content security policy.
() => {
  const shown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const named = (element) => element.outerHTML.slice(0, 160);
  const all = [...document.body.querySelectorAll("*")].filter(shown);

  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const over = (top, ground) => {
    const [r, g, b, alpha = 1] = top;
    return [r, g, b].map((value, at) => value * alpha + ground[at] * (1 - alpha));
  };
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    return over(channels(getComputedStyle(element).backgroundColor), ground(element.parentElement));
  };
  // Relative luminance and contrast ratio as WCAG 2.2 defines them.
  const luminance = (color) => {
    const [r, g, b] = color.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (element) => {
    const behind = ground(element);
    const [low, high] = [luminance(behind), luminance(over(channels(getComputedStyle(element).color), behind))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());

  const inside = (inner, outer) =>
    inner.left >= outer.left - 1 && inner.right <= outer.right + 1 && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
  const pictures = all.filter((element) => element.matches("svg, .outcomes, .track")).map((element) => {
    const box = element.getBoundingClientRect();
    const drawn = [...element.querySelectorAll("rect, line, polyline, path, i")].map((part) => part.getBoundingClientRect());
    return {
      what: named(element),
      width: box.width,
      height: box.height,
      contained: inside(box, element.parentElement.getBoundingClientRect()),
      drawn: drawn.filter((part) => part.width || part.height).length,
      within: drawn.every((part) => inside(part, box)),
    };
  });

  // Text that sticks out of its own element without a way to scroll to it.
  const cut = all.filter((element) => {
    const style = getComputedStyle(element);
    const scrolls = ["auto", "scroll"].includes(style.overflowX) || style.textOverflow === "ellipsis";
    return !(element instanceof SVGElement) && style.display !== "inline" && !scrolls && element.scrollWidth > element.clientWidth + 1;
  });

  const root = document.documentElement;
  return {
    width: { content: root.scrollWidth, window: root.clientWidth, layout: window.innerWidth },
    ground: luminance(ground(document.body)),
    texts: all.filter(hasText).map((element) => ({
      what: named(element),
      contrast: contrast(element),
      size: parseFloat(getComputedStyle(element).fontSize),
    })),
    pictures,
    cut: cut.map(named),
    foreign: [...document.querySelectorAll("script, img, iframe, object, embed, link, form, base")].map(named),
    handlers: [...document.querySelectorAll("*")].filter((element) => [...element.attributes].some((each) => /^on/i.test(each.name))).map(named),
    ran: "ran" in window,
    violations: window.violations ?? [],
  };
}
