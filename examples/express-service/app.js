// A service that lets in who Countersign has signed in: `npm start`.

import express from "express";

import { currentUser } from "./countersign.js";

const app = express();

app.get("/me", currentUser(), (request, response) => {
  response.json(request.user);
});

app.get("/admin", currentUser("admin"), (request, response) => {
  response.send(`user ${request.user.id} is an administrator`);
});

const [host, port] = (process.env.LISTEN || "127.0.0.1:8082").split(":");
const server = app.listen(Number(port), host, () => {
  console.log(`listening on http://${host}:${server.address().port}`);
});
