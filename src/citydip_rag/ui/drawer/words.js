// The drawer's texts. Gradio provides `element` (the drawer's own component) and `props`.
// Like the page's own, every text is written in all languages and the style sheet shows one, so
// that switching the language changes nothing here. What comes from outside is only ever text.
const { labels, suffixes, most_bytes: mostBytes } = props;
const languages = Object.keys(labels);
const find = (selector) => element.querySelector(selector);
const spoken = () => document.documentElement.dataset.language ?? languages[0];

const make = (tag, attributes = {}, ...content) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...content);
  return node;
};

const shown = (language, value) =>
  typeof value === "number" ? new Intl.NumberFormat(language).format(value) : value;

const fill = (language, key, values = {}) =>
  labels[language][key].replace(/\{(\w+)\}/g, (_, name) => shown(language, values[name]));

const inEach = (words) =>
  languages.map((language) =>
    make("span", { class: `l-${language}`, lang: language }, words(language)),
  );

const said = (key, values) => inEach((language) => fill(language, key, values));

const say = (node, key, values) => node.replaceChildren(...said(key, values));

// A text that also has a form for one of a thing.
const counted = (key, count, values) =>
  said(`${key}_${count === 1 ? "one" : "other"}`, { count, ...values });

// Why a file was not read comes as English sentences. Our English texts have the same form, by which
// the reason is known and said in all languages; one without such a text stays as it is.
const formOf = (words) => {
  const literal = (part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const parts = words
    .split(/\{(\w+)\}/) // every other one is a name
    .map((part, number) => (number % 2 ? `(?<${part}>.+)` : literal(part)));
  return new RegExp(`^${parts.join("")}$`, "s");
};

const forms = Object.entries(labels.en)
  .filter(([key]) => key.startsWith("reason."))
  .map(([key, words]) => [key, formOf(words)]);

const explained = (reason) => {
  for (const [key, form] of forms) {
    const found = form.exec(reason);
    if (found) return said(key, found.groups);
  }
  return [make("span", { lang: "en" }, reason)];
};

const languageName = (code) => (language) => {
  try {
    return new Intl.DisplayNames(language, { type: "language" }).of(code);
  } catch {
    return code; // not the code of any language
  }
};

// For those who listen: said once and in their language, also while the drawer is closed.
const announce = (key, values) => {
  const announcer = document.querySelector("#announcer");
  if (announcer) announcer.textContent = fill(spoken(), key, values);
};

const button = (style, key, act, values) => {
  const node = make("button", { type: "button", class: style }, ...said(key, values));
  node.addEventListener("click", act);
  return node;
};
