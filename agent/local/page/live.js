import { path } from "./agent.js";
import { address, el } from "./dom.js";

// watch offers a feed or stream to a player on this machine: as a play list,
// which opens in VLC, and as an address to paste.
export function watch(name) {
  const url = path(`${location.origin}/ts/`, name);
  const list = `data:audio/x-mpegurl;charset=utf-8,${encodeURIComponent(`#EXTM3U\n#EXTINF:-1,${name}\n${url}\n`)}`;
  return el("div.watch", {},
    el("a", { href: list, download: `${name.replaceAll("/", "_")}.m3u`, "aria-label": `Open live in VLC: ${name}` }, "Open live in VLC"),
    address(url), copier(url, `the address of ${name}`));
}

// copier is a button that copies text.
export function copier(text, what) {
  const button = el("button.button.small", { type: "button", "aria-label": `Copy ${what}`, onclick: copy }, "Copy");
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }
  return button;
}

const carry = "-f fifo -fifo_format mpegts -attempt_recovery 1 -recover_any_error 1 -recovery_wait_time 1 " +
  "-drop_pkts_on_overflow 1 -restart_with_keyframe 1 -flags +global_header";

// testPicture is ffmpeg's line for a feed that needs no camera.
export const testPicture = () => terminal("A test picture",
  `ffmpeg -re -f lavfi -i testsrc2=size=640x480:rate=25 -map 0:v -c:v mpeg1video -b:v 1M -g 25 -bf 0 ${carry} ${location.origin}/ts/test`);

// terminal shows what is pasted into a terminal, and copies it.
export function terminal(title, text) {
  const words = (line) => line.split(" ").flatMap((word) => [el("span", {}, word), " "]).slice(0, -1);
  return el("div.line", {}, el("h3", {}, title), copier(text, `the line for ${title.toLowerCase()}`),
    el("pre", { tabindex: "0", "aria-label": title }, el("code", {}, ...text.split("\n").flatMap((line) => [...words(line), "\n"]).slice(0, -1))));
}
