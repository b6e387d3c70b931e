import { call } from "./agent.js";
import { el, keyed, show } from "./dom.js";
import { terminal } from "./live.js";

// A Devices is the list of this machine's cameras and microphones, which are
// looked for when it is opened.
export class Devices {
  list = el("ul.devices");
  none = el("p");
  again = el("button.button.small", { type: "button", onclick: () => this.look() }, "Look again");

  constructor(root) {
    root.append(this.list, this.none, this.again);
    const details = root.closest("details");
    details.addEventListener("toggle", () => details.open && this.look());
  }

  async look() {
    try {
      const { cameras, microphones, advice, agent } = await call("GET", "api/devices");
      const found = new Map([...cameras, ...microphones].map((device) => [`${device.device} ${device.unit ?? device.feed}`, device]));
      keyed(this.list, [...found.keys()], (key) => new Device(found.get(key), agent.port));
      show(this.none, advice.join(" "));
    } catch (error) {
      show(this.none, error.message);
    }
  }
}

// A Device is a camera or microphone: its button shows the line that feeds it, and
// how systemd keeps that.
class Device {
  constructor({ name, device, note = "", unit, feed, line }, port) {
    const about = el("div", {}, el("b", {}, name), " ", el("code", {}, device), el("p.note", {}, note));
    if (unit) {
      this.root = el("li", {}, about, el("p.note", {}, "The unit ", el("code", {}, unit), " feeds it."));
      return;
    }
    const keep = `sudo vw devices --install ${feed}${port === 8888 ? "" : ` --port ${port}`}\nsudo systemctl enable --now vw-source@${feed}`;
    const how = el("div", { hidden: "" },
      terminal("In a terminal, while that is open", line),
      terminal("Always, with the Debian package", keep),
      el("p.note", {}, "The first writes the line above to ", el("code", {}, `/etc/vw/${feed}.source`), ", which the unit ", el("code", {}, `vw-source@${feed}`), " runs."));
    const button = el("button.button.small", {
      type: "button", "aria-expanded": "false", "aria-label": `Show the line for ${name}`,
      onclick: () => button.setAttribute("aria-expanded", how.toggleAttribute("hidden") ? "false" : "true"),
    }, "Show the line");
    this.root = el("li", {}, about, button, how);
  }
}
