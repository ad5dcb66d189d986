// Reads calendar files with ical.js and node-ical: `node readers.mjs FOLDER FILE...`, where FOLDER holds their node_modules.
// Prints {reader: {file: {events: [[start, end, title]], alarms}}}, instants in milliseconds since 1970.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const { resolve } = createRequire(join(folder, "package.json"));

async function load(name) {
  const found = await import(pathToFileURL(resolve(name)).href);
  return found.default ?? found;
}

const [icalJs, nodeIcal] = [await load("ical.js"), await load("node-ical")];

function byIcalJs(text) {
  const events = new icalJs.Component(icalJs.parse(text)).getAllSubcomponents("vevent");
  return {
    events: events.map((component) => {
      const event = new icalJs.Event(component);
      return [event.startDate.toJSDate().getTime(), event.endDate.toJSDate().getTime(), event.summary];
    }),
    alarms: events.flatMap((component) => component.getAllSubcomponents("valarm")).length,
  };
}

function byNodeIcal(text) {
  const events = Object.values(nodeIcal.sync.parseICS(text)).filter((part) => part.type === "VEVENT");
  return {
    events: events.map((event) => [event.start.getTime(), event.end.getTime(), event.summary]),
    // An alarm that has a UID stands in its event under that, beside the properties.
    alarms: events.flatMap((event) => Object.values(event)).filter((part) => part?.type === "VALARM").length,
  };
}

const readers = { "ical.js": byIcalJs, "node-ical": byNodeIcal };
const told = {};
for (const [name, read] of Object.entries(readers)) {
  told[name] = Object.fromEntries(files.map((file) => [file, read(readFileSync(file, "utf8"))]));
}
process.stdout.write(JSON.stringify(told));
