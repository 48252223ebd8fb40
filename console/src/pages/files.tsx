/** Folders on the hub's file server: the console's own, and those of others for reading. @module */

import { useRef, useState } from "preact/hooks";
import { files, type FileEntry } from "../../../clients/js/src/files.js";
import { sentence, useAct } from "../ask.js";
import type { FileChange } from "../admin.js";
import { Again } from "../again.js";
import { cli } from "../copied.js";
import { useFollowing } from "../followed.js";
import { connected, hub } from "../hub.js";
import type { Column } from "../list.js";
import { clientNamed, clients } from "../live.js";
import { Objects } from "../objects.js";
import { route, to } from "../route.js";
import { at, bytes, plural } from "../text.js";
import { Copy, Detail, Facts, Note, Text } from "../ui.js";

const NONE: readonly FileEntry[] = [];
const FOLDER = /\/$/;

/** Gives the browser a file to keep. The key that is needed can't stand in a link. */
async function download(owner: string, path: string) {
  const response = await files(hub.value!).of(owner).get(path);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = path.split("/").at(-1)!;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function Files() {
  const client = connected.value ? hub.value : undefined;
  const { id, query } = route.value;
  const [owner = "", ...rest] = (id || `${client?.name ?? ""}/`).split("/");
  const path = rest.join("/");
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const mine = owner === client?.name;
  const here = ({ owner: { name }, path }: FileChange) => name === owner && (path.startsWith(folder) || folder.startsWith(path));
  const list = (signal: AbortSignal) => files(client!).of(owner).list(folder, { signal });
  const asked = useFollowing("files", here, list, [client, owner || undefined, folder]);
  const columns: readonly Column<FileEntry>[] = [
    { name: "File", cell: ({ path }) => <Text>{path.slice(folder.length)}</Text> },
    { name: "Size", figure: true, cell: ({ path, size }) => (FOLDER.test(path) ? "folder" : bytes(size)) },
    { name: "Changed", wide: true, figure: true, cell: ({ modified }) => at(modified) },
  ];
  const entries = asked.value ?? NONE;
  // a filter is one of a folder
  const keep = Object.fromEntries(query);
  const place = (path = folder) => to("files", `${owner}/${path}`, path !== folder && FOLDER.test(path) ? {} : keep);
  return (
    <Objects
      title="Files"
      kind="files"
      items={entries}
      columns={columns}
      id={({ path }) => path}
      text={({ path }) => path.slice(folder.length)}
      filter="Filter by name"
      about={(found) => plural(found.length, "entry", "entries")}
      tools={() => (
        <>
          <Owners owner={owner} />
          <Again click={asked.again}>Look again</Again>
        </>
      )}
      empty={(filtered) => (filtered ? "No entry fits this filter." : asked.waiting ? "Looking…" : "This folder is empty.")}
      open={path === folder ? undefined : path}
      href={place}
      detail={(path, back) => (
        <FileDetail key={path} owner={owner} path={path} back={back} entry={entries.find((entry) => entry.path === path)} mine={mine} done={asked.again} />
      )}
    >
      <Crumbs owner={owner} folder={folder} mine={mine} />
      {client && owner !== "" && !mine && !clientNamed(owner) && <Note>Nobody of this name is connected: a folder goes with its client.</Note>}
      {mine && <Upload folder={folder} done={asked.again} />}
      {asked.error && <Note bad>{asked.error}</Note>}
    </Objects>
  );
}

interface FileProps {
  owner: string;
  path: string;
  back: string;
  entry: FileEntry | undefined;
  mine: boolean;
  done(): void;
}

function FileDetail({ owner, path, back, entry, mine, done }: FileProps) {
  const { busy, error, act } = useAct();
  const remove = async () => {
    await files(hub.value!).delete(path);
    location.hash = back;
    done();
  };
  const tools = (
    <>
      <button type="button" disabled={busy} onClick={() => act(() => download(owner, path))}>
        Download
      </button>
      {mine && (
        <button type="button" class="danger" disabled={busy} onClick={() => act(remove)}>
          Delete
        </button>
      )}
      <Copy text={() => cli("file get", `${owner}/${path}`, "-")}>Copy as CLI</Copy>
    </>
  );
  const facts = entry && ([["Size", bytes(entry.size)], ["Changed", at(entry.modified)], ["Etag", <code>{entry.etag}</code>]] as const);
  return (
    <Detail title={path.split("/").at(-1)!} back={back} kind="files" tools={tools}>
      {error && <Note bad>{error}</Note>}
      {facts ? <Facts facts={facts} /> : <Note>There is no such file.</Note>}
    </Detail>
  );
}

function Owners({ owner }: { owner: string }) {
  const [name, set] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    location.hash = to("files", `${name}/`);
  };
  return (
    <form class="inline" onSubmit={submit}>
      <label>
        Folder of
        <input list="owners" value={name} placeholder={owner} onInput={(event) => set(event.currentTarget.value)} />
      </label>
      <datalist id="owners">
        {clients.value.slice(0, 200).map(({ name, uuid }) => (
          <option value={name} key={uuid} />
        ))}
      </datalist>
      <button disabled={!name}>Show</button>
    </form>
  );
}

function Crumbs({ owner, folder, mine }: { owner: string; folder: string; mine: boolean }) {
  const parts = folder.split("/").filter(Boolean);
  return (
    <nav class="crumbs" aria-label="Folder">
      <a href={to("files", `${owner}/`)}>
        {owner || "…"}
        {mine && " (this console)"}
      </a>
      {parts.map((part, n) => (
        <>
          <span aria-hidden="true">/</span>
          <a href={to("files", `${owner}/${parts.slice(0, n + 1).join("/")}/`)}>
            <Text>{part}</Text>
          </a>
        </>
      ))}
    </nav>
  );
}

function Upload({ folder, done }: { folder: string; done(): void }) {
  const input = useRef<HTMLInputElement>(null);
  const [progress, set] = useState<{ name: string; bytes: number; total: number } | undefined>();
  const [said, say] = useState("");
  const put = async (list: FileList) => {
    say("");
    for (const file of list) {
      set({ name: file.name, bytes: 0, total: file.size });
      try {
        await files(hub.value!).put(folder + file.name, file, { onProgress: (progress) => set({ name: file.name, ...progress }) });
        say(`${file.name} is there`);
      } catch (error) {
        say(`${file.name} was refused: ${sentence(error)}`);
      }
    }
    set(undefined);
    if (input.current) input.current.value = "";
    done();
  };
  return (
    <div
      class="upload"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        if (event.dataTransfer) void put(event.dataTransfer.files);
      }}
    >
      <label>
        Put files here
        <input type="file" multiple ref={input} onChange={(event) => event.currentTarget.files?.length && put(event.currentTarget.files)} />
      </label>
      {progress && (
        <label>
          <Text>{progress.name}</Text>
          <progress max={progress.total || 1} value={progress.bytes} />
          <span class="figure">
            {bytes(progress.bytes)} of {bytes(progress.total)}
          </span>
        </label>
      )}
      <span role="status">{said}</span>
    </div>
  );
}
