// A post-auth hook: it lets in accounts of one e-mail domain, which the
// operator configures, and labels their credentials with the address.
import { Config, Host, LogLevel, Memory } from "@extism/as-pdk";
import { JSON } from "assemblyscript-json/assembly";

// The compiler calls it when something is wrong in the guest.
function abort(message: string | null, fileName: string | null, line: u32, column: u32): void {
  const why = message === null ? "aborted" : message;
  const where = fileName === null ? "" : fileName;
  Host.log(LogLevel.Error, `${why} at ${where}:${line}:${column}`);
  unreachable();
}

// Every call of the host comes here, as {"op": …, "msg": …}.
export function patchbay_call(): i32 {
  const call = <JSON.Obj>JSON.parse(Host.inputString());
  const op = call.getString("op")!.valueOf();
  const msg = call.getObj("msg")!;
  if (op == "OP_INIT") return answer("ok", new JSON.Obj());
  if (op == "OP_POST_AUTH") return postAuth(msg);
  return answer("unsupported", text("what", op));
}

function postAuth(msg: JSON.Obj): i32 {
  const domain = Config.get("domain");
  const email = field(msg, "email");
  if (domain === null) return reject("the plugin's setting domain is not set");
  if (!email.endsWith("@" + domain)) return reject("only accounts of " + domain + " are let in");
  const patch = text("label", email);
  const credential = msg.getObj("credential");
  if (credential !== null) {
    const revision = credential.getString("revision");
    if (revision !== null) patch.set("revision", revision);
  }
  return answer("patch", patch);
}

// A public field of the new credential.
function field(msg: JSON.Obj, name: string): string {
  const credential = msg.getObj("credential");
  if (credential === null) return "";
  const fields = credential.getArr("fields");
  if (fields === null) return "";
  const pairs = fields.valueOf();
  for (let i = 0; i < pairs.length; i++) {
    const pair = <JSON.Obj>pairs[i];
    const key = pair.getString("name");
    const value = pair.getString("value");
    if (key !== null && value !== null && key.valueOf() == name) return value.valueOf();
  }
  return "";
}

function reject(reason: string): i32 {
  return answer("reject", text("reason", reason));
}

function text(name: string, value: string): JSON.Obj {
  const obj = new JSON.Obj();
  obj.set(name, value);
  return obj;
}

// The list of actions, here always one.
function answer(action: string, body: JSON.Obj): i32 {
  const one = new JSON.Obj();
  one.set(action, body);
  const actions = new JSON.Arr();
  actions.push(one);
  const list = new JSON.Obj();
  list.set("actions", actions);
  // Host.outputString of PDK 1.0.0 makes room for as many bytes as the text has
  // characters, which is too little for all that is not ASCII.
  Host.outputMemory(Memory.allocateString(list.stringify()));
  return 0;
}
