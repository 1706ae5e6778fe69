/** Asks for the operator's token, where a part of a page is for whoever runs the node. */
import { useState } from "preact/hooks";
import { forgetToken, giveToken, token } from "../live/token.ts";

export function TokenForm({ file }: { readonly file: string }) {
  const [text, setText] = useState("");
  const [isWrong, setWrong] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    setWrong(!giveToken(text));
  };
  return (
    <form class="token" onSubmit={submit}>
      <p>
        This is for whoever runs the node: paste the token that lies in <code>{file}</code> on its machine. It
        stays in this tab.
      </p>
      <p class="row">
        <input
          type="password"
          autocomplete="off"
          aria-label="the node's token"
          placeholder="64 hex digits"
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />{" "}
        <button type="submit">Use it</button>
      </p>
      {isWrong ? <p class="notice bad">a token is 64 hex digits</p> : null}
    </form>
  );
}

export function ForgetToken() {
  if (token.value === undefined) return null;
  return (
    <button type="button" class="link" onClick={forgetToken}>
      forget the token
    </button>
  );
}
