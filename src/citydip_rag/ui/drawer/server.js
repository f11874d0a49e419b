// The HTTP API, and its problems. The page may be served below a prefix: the API is beside it.
const besidePage = (path) =>
  new URL(path, location.origin + location.pathname.replace(/\/?$/, "/"));
const PATIENCE = 30_000;

const unreached = () => ({ kind: "network", status: 0, detail: "" });

// No body, or one that says no type, comes from whatever stands between the server and us.
const problemOf = (status, body) => ({
  kind: String(body?.type ?? "").split(":").pop() || "unknown",
  status,
  detail: String(body?.detail ?? ""),
});

const problemKey = ({ kind, status }) =>
  [`problem.${kind}-${status}`, `problem.${kind}`, `problem.status-${status}`].find(
    (key) => key in labels[languages[0]],
  ) ?? "problem.general";

// Throws a problem.
const call = async (method, path) => {
  let response;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    response = await fetch(besidePage(path), { method, signal, headers: credentials() });
  } catch {
    throw unreached();
  }
  if (response.status === 401) keepKey(""); // else every request would be refused for its sake
  const body = await response.json().catch(() => null);
  if (!response.ok || !body) throw problemOf(response.status, body);
  return body;
};

// Sends one file. `fetch` does not say how much of a body has gone; XMLHttpRequest does.
const send = (file, { replace, signal, progressed }) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const address = besidePage("documents");
    if (replace) address.searchParams.set("replace", "true");
    request.open("POST", address);
    for (const header of Object.entries(credentials())) request.setRequestHeader(...header);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => progressed(event.loaded));
    request.addEventListener("error", () => reject(unreached()));
    request.addEventListener("abort", () => reject({ kind: "stopped", status: 0, detail: "" }));
    request.addEventListener("load", () => {
      const { status, response } = request;
      if (status === 202 && response) resolve(response.sources);
      else reject(problemOf(status, response));
    });
    signal.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("files", file, file.name);
    request.send(form);
  });
