// Below the question: forgetting the conversation, and the last evaluation, which is only fetched
// when somebody wants to see it.
const dialog = element.querySelector("#evaluation");
const frame = dialog.querySelector("iframe");

// Where nothing has been evaluated there is little to read.
frame.addEventListener("load", () => {
  dialog.classList.toggle("short", "short" in (frame.contentDocument?.body.dataset ?? {}));
});

element.addEventListener("click", (event) => {
  if (event.target.closest(".clear")) {
    trigger("forget");
  } else if (event.target.closest(".evaluated")) {
    frame.src = "evaluation";
    dialog.showModal();
  } else if (event.target === dialog || event.target.closest("#evaluation .leave")) {
    dialog.close();
  }
});

// Whoever is signed in can sign out, and is asked for the key again once the sign-in has ended.
if (/(^|; )citydip-signed-in=/.test(document.cookie)) {
  element.querySelector(".sign-out").hidden = false;
  const plain = window.fetch;
  window.fetch = async (...given) => {
    const response = await plain(...given);
    if (response.status === 401) location.reload();
    return response;
  };
}
