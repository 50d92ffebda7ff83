// Node's ws, at both ends: `node websocket_peer.js server PORT` echoes; `node websocket_peer.js client URL COUNT` sends COUNT messages and
// holds each answer to what it sent. With permessage-deflate offered and taken.
const WebSocket = require("ws");
const [role, where, count] = process.argv.slice(2);

function message(number) {
  const size = [0, 1, 125, 126, 65535, 65536, 200000][number % 7];
  const bytes = Buffer.alloc(size, number);
  return number % 2 ? bytes : bytes.toString("latin1");
}

if (role === "server") {
  const server = new WebSocket.Server({ port: Number(where), host: "127.0.0.1", perMessageDeflate: true });
  server.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  server.on("listening", () => console.log("ready"));
} else {
  const socket = new WebSocket(where, { perMessageDeflate: true });
  let number = 0;
  const next = () => (number < Number(count) ? socket.send(message(number)) : socket.close(1000, "done"));
  socket.on("open", () => socket.ping("hello"));
  socket.on("pong", (data) => data.toString() === "hello" && next());
  socket.on("message", (data, binary) => {
    const sent = message(number);
    const same = binary === (typeof sent !== "string") && Buffer.compare(data, Buffer.from(sent)) === 0;
    if (!same) throw new Error(`message ${number} came back as another`);
    ++number;
    next();
  });
  socket.on("close", (code) => console.log(`${number} of ${count}, ${code}, ${socket.extensions || "plain"}`));
}
