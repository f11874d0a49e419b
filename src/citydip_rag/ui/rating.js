// Ratings of answers. Gradio provides `element`: the component of the dialog, which stands outside
// the conversation. That is drawn anew whenever something is asked, so what was rated is known here.
const dialog = element.querySelector("#why");
const form = dialog.querySelector("form");
const PATIENCE = 20_000;
const rated = new Map(); // by receipt: { rating, saying }
const underWay = new Map(); // by receipt: the sending that others wait for
let asking = null; // the receipt that the dialog is about

const saying = (name) => element.querySelector(`[data-saying="${name}"]`);

const paint = (group) => {
  const { rating = null, said = "" } = rated.get(group.dataset.receipt) ?? {};
  for (const button of group.querySelectorAll("[data-rate]")) {
    button.setAttribute("aria-pressed", String(button.dataset.rate === rating));
  }
  const words = group.querySelector(".rated");
  if ((words.dataset.said ?? "") === said) return; // else we would see our own change
  words.dataset.said = said;
  words.replaceChildren(...[...(saying(said)?.childNodes ?? [])].map((node) => node.cloneNode(true)));
};

const paintAll = () => document.querySelectorAll(".rating").forEach(paint);

const announce = (name) => {
  const announcer = document.querySelector("#announcer");
  const language = document.documentElement.dataset.language ?? "en";
  const words = saying(name).querySelector(`[lang="${language}"]`);
  if (announcer) announcer.textContent = words.textContent;
};

const refusals = { 401: "refused", 403: "refused", 404: "expired", 410: "expired" };

// Returns what has become of it, in a word.
const deliver = async (body) => {
  // The page may be served below a prefix: the API is beside it.
  const beside = new URL("feedback", location.origin + location.pathname.replace(/\/?$/, "/"));
  try {
    const response = await fetch(beside, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    });
    return response.ok ? "kept" : (refusals[response.status] ?? "not_kept");
  } catch {
    return "not_kept"; // the server was not reached
  }
};

// One after another, so that what was meant last is what is kept.
const send = (receipt, body, kept) => {
  const sending = (underWay.get(receipt) ?? Promise.resolve()).then(async () => {
    const outcome = await deliver({ receipt, ...body });
    const isKept = outcome === "kept";
    const before = rated.get(receipt)?.rating ?? null;
    const said = isKept ? kept : outcome;
    rated.set(receipt, { rating: isKept ? body.rating : before, said });
    paintAll();
    announce(said);
    return isKept;
  });
  underWay.set(receipt, sending);
  return sending.finally(() => {
    if (underWay.get(receipt) === sending) underWay.delete(receipt);
  });
};

const askWhy = (receipt, kind) => {
  if (dialog.open) return;
  asking = receipt;
  form.reset();
  dialog.dataset.kind = kind;
  dialog.showModal();
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-rate]");
  if (!button || event.detail > 1) return; // the second half of a double click
  const { receipt, kind } = button.closest(".rating").dataset;
  if (underWay.has(receipt)) return;
  const again = button.getAttribute("aria-pressed") === "true";
  const rating = again ? null : button.dataset.rate;
  const isKept = await send(receipt, { rating }, again ? "taken_back" : "kept");
  if (isKept && rating === "bad") askWhy(receipt, kind);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const reasons = new FormData(form).getAll("reason");
  const comment = form.querySelector("textarea").value.trim();
  dialog.close();
  if (reasons.length || comment) send(asking, { rating: "bad", reasons, comment }, "explained");
});

dialog.addEventListener("click", (event) => {
  const outside = event.target === dialog && event.detail === 1;
  if (outside || event.target.closest(".leave")) dialog.close();
});

new MutationObserver(paintAll).observe(document.body, { childList: true, subtree: true });
