// Talks to the agent.

// path writes a name, whose slashes stay, into a URL.
export const path = (prefix, name) => prefix + name.split("/").map(encodeURIComponent).join("/");

// owner has the token that was typed, where the agent wants the owner's.
export const owner = { token: "" };

// pageToken is that of the agent's run, which this page alone was given.
const { content: pageToken } = document.querySelector("meta[name=token]");

// call returns what is answered, or throws the error's words, and the field of a
// rule that they are about.
export async function call(method, url, body) {
  let response;
  try {
    const headers = { "Vw-Page-Token": pageToken, ...(owner.token && { Authorization: `Bearer ${owner.token}` }) };
    response = await fetch(url, { method, body: body && JSON.stringify(body), cache: "no-store", headers });
  } catch {
    throw new Error("The agent does not answer.");
  }
  const text = await response.text();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`The agent answered HTTP ${response.status} without words.`);
  }
  if (!response.ok) throw Object.assign(new Error(value.error ?? `HTTP ${response.status}`), { field: response.headers.get("Vw-Field") });
  return value;
}

// silence is how long nothing may come before the agent counts as gone: it
// speaks every second, also where nothing changes.
const silence = 4000;

// follow calls changed with the status every second, heard with how loud feeds are
// more often, and gone when that stops, until the page is hidden; when it is shown again it goes on. A browser has six
// connections to one place: a page that nobody looks at shall hold none.
export function follow(changed, heard, gone) {
  let source, late;
  const close = () => {
    source?.close();
    clearTimeout(late);
  };
  const open = () => {
    close();
    if (document.hidden) return;
    const lost = () => {
      gone();
      close();
      late = setTimeout(open, 1000);
    };
    late = setTimeout(lost, silence);
    source = new EventSource("api/events?levels");
    source.addEventListener("levels", (event) => heard(JSON.parse(event.data)));
    source.onmessage = (event) => {
      clearTimeout(late);
      late = setTimeout(lost, silence);
      changed(JSON.parse(event.data));
    };
    source.onerror = lost;
  };
  document.addEventListener("visibilitychange", open);
  open();
}
