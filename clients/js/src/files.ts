/**
 * The hub's file server: a folder for every client that is connected.
 *
 * ```js
 * import { files } from "@concierge/client/files";
 *
 * const mine = files(hub);
 * await mine.put("photos/1.jpg", input.files[0], { onProgress: ({ bytes, total }) => (bar.value = bytes / total) });
 * const photo = await mine.of("bob").get("photos/2.jpg");
 * image.src = URL.createObjectURL(await photo.blob());
 * ```
 *
 * @module
 */

import type { Client } from "./client.js";
import { ConciergeError } from "./error.js";
import { within, type Wait } from "./wait.js";

/** How far an upload is, in bytes. */
export interface Progress {
  bytes: number;
  total: number;
}

/** How a transfer is. It has no deadline but its signal. */
export interface TransferOptions extends Wait {
  /** Such as `If-None-Match` or `Range`. */
  headers?: Record<string, string> | undefined;
}

/** How an upload is. */
export interface PutOptions extends TransferOptions {
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** What the server keeps after a put. */
export interface FileStored {
  /** Below the client's folder. */
  path: string;
  size: number;
  /** Changes with each upload. */
  etag: string;
}

/** A file in a list, or a sub-folder: its path ends in `/`, its size is 0, its etag empty. */
export interface FileEntry extends FileStored {
  /** Milliseconds since 1970. */
  modified: number;
}

/** What a delete removed. */
export interface FilesRemoved {
  path: string;
  files: number;
  bytes: number;
}

/** A client's folder. Paths are written as they are, with `/` between their components; the client encodes them. `.` and `..` mean what they mean in every URL. */
export interface Files {
  /** Whose folder it is. */
  readonly owner: string;
  /** Another client's folder, for reading. */
  of(owner: string): Files;
  /** The address of a file or folder. A link cannot send the key that is needed, too. */
  url(path: string): string;
  /** Stores a file; one that was there is replaced. */
  put(path: string, content: Blob | ArrayBuffer | ArrayBufferView<ArrayBuffer> | string, options?: PutOptions): Promise<FileStored>;
  /** A file, as `fetch` gives it: take its `blob()`, `text()`, `json()` or `body`. */
  get(path: string, options?: TransferOptions): Promise<Response>;
  /** What is in a folder: `""` is the client's own, others end in `/`. */
  list(folder?: string, wait?: Wait): Promise<FileEntry[]>;
  /** Removes a file, or with a final `/` a folder and everything in it. */
  delete(path: string, options?: TransferOptions): Promise<FilesRemoved>;
}

/** Browsers tell how far an upload is only here. */
function upload(url: string, body: Blob, headers: Record<string, string>, { onProgress, signal }: PutOptions) {
  return within<Response>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const name in headers) request.setRequestHeader(name, headers[name]!);
    request.upload.onprogress = ({ loaded, total }) => onProgress!({ bytes: loaded, total });
    request.onload = () => {
      const headers = { "x-fs-error": request.getResponseHeader("x-fs-error") ?? "" };
      resolve(new Response(request.responseText, { status: request.status, headers }));
    };
    request.onerror = () => reject(new ConciergeError("DISCONNECTED"));
    request.send(body);
    return () => request.abort();
  }, signal);
}

/** The folder of this client. `at`: where the file server is, when that is not at the hub's address. */
export function files(client: Client, at?: string): Files {
  const root = new URL("fs/", at ?? client.url.replace("ws", "http")).href;

  const folder = (owner: string): Files => {
    const url = (path: string) => `${root}${owner}/${encodeURIComponent(path).replaceAll("%2F", "/")}`;
    const exchange = async (method: string, path: string, options: PutOptions = {}, body?: Blob): Promise<Response> => {
      const { onProgress, signal } = options;
      const headers = { "x-fs-key": client.hello.fs_key!, ...options.headers };
      const told = body && onProgress;
      let bytes = 0;
      const transform = (chunk: Uint8Array, to: TransformStreamDefaultController) => {
        onProgress!({ bytes: (bytes += chunk.length), total: body!.size });
        to.enqueue(chunk);
      };
      const response = await (told && globalThis.XMLHttpRequest
        ? upload(url(path), body, headers, options)
        : fetch(url(path), {
            method,
            headers,
            signal: signal!,
            body: told ? body.stream().pipeThrough(new TransformStream({ transform })) : body!,
            duplex: "half",
          } as RequestInit));
      if (response.ok) return response;
      throw new ConciergeError(response.headers.get("x-fs-error") || "HTTP", await response.text(), response.status);
    };
    return {
      owner,
      of: folder,
      url,
      put: async (path, content, options) => (await exchange("PUT", path, options, new Blob([content]))).json(),
      get: (path, options) => exchange("GET", path, options),
      list: async (path = "", wait) => (await exchange("GET", path, wait)).json(),
      delete: async (path, options) => (await exchange("DELETE", path, options)).json(),
    };
  };
  return folder(client.name);
}
