import { render } from "preact";
import { goBack, open, start } from "./actions";
import { live } from "./load-live";
import { registerServiceWorker } from "./offline/register";
import { Left, Loading, Lost } from "./screens/Away";
import { ChooseContext } from "./screens/ChooseContext";
import { Decide } from "./screens/Decide";
import { Join, Joining } from "./screens/Join";
import { Landing, TableProblem } from "./screens/Table";
import { useApp } from "./store";
import { Voice } from "./ui/voice";

function App() {
  const { route } = useApp();
  switch (route.name) {
    case "landing":
      return <Landing />;
    case "loading":
      return <Loading />;
    case "table_problem":
      return <TableProblem />;
    case "decide":
      return <Decide />;
    case "context":
      return (
        <ChooseContext
          key={route.mode}
          stage={{ left: "here", right: route.mode === "dual" ? "expected" : "free", compact: true }}
          onBack={goBack}
          onChoose={(context) => start(route.mode, context)}
        />
      );
    case "join":
      return <Join />;
    case "joining":
      return <Joining />;
    case "session": {
      const Session = live()?.Session ?? Loading;
      return <Session />;
    }
    case "left":
      return <Left />;
    case "lost":
      return <Lost />;
  }
}

const root = document.getElementById("app");
if (root !== null) {
  render(
    <>
      <App />
      <Voice />
    </>,
    root,
  );
  void open();
  registerServiceWorker();
}
