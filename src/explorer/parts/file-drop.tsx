/** A place to drop files, or to choose them; what is dropped never leaves the browser. */
import { useState } from "preact/hooks";

export function FileDrop({
  label,
  take,
  multiple = false,
}: {
  readonly label: string;
  readonly take: (files: readonly File[]) => void;
  readonly multiple?: boolean;
}) {
  const [isOver, setOver] = useState(false);
  const dropped = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take([...(event.dataTransfer?.files ?? [])]);
  };
  return (
    <label
      class={`drop ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={dropped}
    >
      <span>{label}</span>
      <input
        type="file"
        multiple={multiple}
        onChange={({ currentTarget }) => take([...(currentTarget.files ?? [])])}
      />
    </label>
  );
}
