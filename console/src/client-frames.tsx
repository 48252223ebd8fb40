/** Frames of a client, as an administrator sees them. @module */

import { useEffect, useState } from "preact/hooks";
import { access, watch, type SeenFrame } from "./admin.js";
import { sentence } from "./ask.js";
import { FrameList, Reel, type Seen } from "./frames.js";
import { bytes, plural } from "./text.js";
import { Note } from "./ui.js";

/** What comes from a client and goes to it, once somebody asks for it. */
export function ClientFrames({ uuid, name }: { uuid: string; name: string }) {
  const [watched, set] = useState(false);
  if (access.value !== "open") return null;
  return (
    <section class="frames" aria-label={`Frames of ${name}`}>
      <div class="tools">
        <h3>Frames</h3>
        <button type="button" aria-pressed={watched} onClick={() => set(!watched)}>
          {watched ? "Stop" : "Show frames"}
        </button>
      </div>
      {watched ? <Watched uuid={uuid} /> : <Note>What comes from it and goes to it, from then on. Nobody is told.</Note>}
    </section>
  );
}

function typeOf({ opcode, text }: SeenFrame): string {
  if (opcode !== "text") return opcode;
  return /^\s*\{\s*"type"\s*:\s*"([A-Z_]+)"/.exec(text ?? "")?.[1] ?? "text";
}

function textOf({ text, cut, code, bytes: size, opcode }: SeenFrame): string {
  if (opcode === "close") return [code, text].filter((part) => part !== null).join(" ");
  if (text !== null) return cut ? `${text}… (${bytes(size)})` : text;
  return opcode === "text" ? `${bytes(size)}, kept back because of what may be in it` : bytes(size);
}

function Watched({ uuid }: { uuid: string }) {
  const [{ frames, total }, show] = useState<Seen>({ frames: [], total: 0 });
  const [error, setError] = useState("");
  const [gone, setGone] = useState(false);
  const [begun, begin] = useState(false);
  useEffect(() => {
    const reel = new Reel(show);
    const hear = ({ frames, left_out, gone }: { frames: readonly SeenFrame[]; left_out: number; gone: boolean }) => {
      for (const frame of frames) reel.add({ at: frame.at, out: frame.direction === "in", type: typeOf(frame), text: textOf(frame) });
      reel.miss(left_out);
      if (gone) setGone(true);
    };
    return watch("frames", { uuid }, hear, (error) => setError(sentence(error)), () => begin(true));
  }, [uuid]);
  if (error) return <Note bad>They can't be watched: {error}</Note>;
  return (
    <>
      <p class="about">
        {plural(total, "frame")}
        {gone && ", and no more: it has left"}
      </p>
      {total === 0 && <Note>{begun ? "Nothing passed yet." : "Asking…"}</Note>}
      <FrameList frames={frames} ways={["from it", "to it"]} />
    </>
  );
}
