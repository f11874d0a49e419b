// The key that some servers want from whoever changes documents. It goes nowhere but into the
// header of requests to our own server, and is forgotten with the tab.
const KEPT = "citydip.key";
const PRINTABLE = /^[\x21-\x7e]+$/; // nothing else fits into a header
const key = { value: "", tried: false };

try {
  key.value = sessionStorage.getItem(KEPT) ?? "";
} catch {
  // storage is switched off: the key lasts as long as the page
}

const keepKey = (value) => {
  key.value = value;
  try {
    if (value) sessionStorage.setItem(KEPT, value);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // as above
  }
};

const credentials = () => (key.value ? { Authorization: `Bearer ${key.value}` } : {});

// A key that the server does not take is not kept.
const showKey = ({ changeable, locked }) => {
  const wanted = locked === "key";
  if (wanted && key.value) keepKey("");
  find(".key").hidden = !wanted;
  find(".key-used").hidden = !(changeable && key.value);
  if (!wanted) find(".key-note").replaceChildren();
  else if (key.tried) say(find(".key-note"), "key_wrong");
  if (wanted && key.tried) find("#drawer-key").focus({ preventScroll: true });
  key.tried = false;
};

const tryKey = async (event) => {
  event.preventDefault();
  const field = find("#drawer-key");
  const value = field.value.trim();
  field.value = "";
  if (!value) return field.focus();
  find(".key-note").replaceChildren();
  keepKey(PRINTABLE.test(value) ? value : "");
  key.tried = true;
  await refresh();
  if (library.changeable) find(".choose").focus({ preventScroll: true });
};

const forgetKey = () => {
  keepKey("");
  find("#drawer-title").focus({ preventScroll: true });
  refresh();
};
