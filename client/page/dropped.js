// What was dropped: files, and the files in folders. Folders themselves are not sent.

/**
 * @param {DataTransfer} dropped
 * @param {number} most one more than this many are found at most
 * @returns {Promise<File[]>}
 */
export async function droppedFiles(dropped, most) {
  // The list is emptied once the event is over: all entries are taken now.
  const items = [...dropped.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  /** @type {File[]} */
  const found = [];
  for (const { entry, file } of entries) {
    if (entry?.isDirectory) await walk(/** @type {FileSystemDirectoryEntry} */ (entry), found, most);
    else if (file) found.push(file);
  }
  return found;
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @param {File[]} found
 * @param {number} most
 */
async function walk(folder, found, most) {
  const reader = folder.createReader();
  for (let batch = await read(reader); batch.length > 0; batch = await read(reader)) {
    for (const entry of batch) {
      if (found.length > most) return;
      if (entry.isDirectory) await walk(/** @type {FileSystemDirectoryEntry} */ (entry), found, most);
      else found.push(await open(/** @type {FileSystemFileEntry} */ (entry)));
    }
  }
}

/**
 * @param {FileSystemDirectoryReader} reader
 * @returns {Promise<FileSystemEntry[]>}
 */
const read = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));

/**
 * @param {FileSystemFileEntry} entry
 * @returns {Promise<File>}
 */
const open = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));
