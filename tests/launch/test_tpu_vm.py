"""What the scripts for TPU VMs ask of gcloud and of the workers."""

import re
import shlex
import shutil
import subprocess

import pytest

WHERE = ("--name", "big", "--zone", "us-west4-a")
ON = "--zone=us-west4-a"
TRAIN = ("--config=configs/tiny.py:base", "--workdir=~/bucket/run")
CALLS = {
  "tpu_vm/create.sh": (*WHERE, "--tpu", "v5e:16x16"),
  "tpu_vm/train.sh": (*WHERE, "--", *TRAIN),
}


def shown(launcher, script, *words):
  done = launcher(script, "--dry-run", *words)
  assert done.returncode == 0, done.stderr
  assert done.stderr == ""
  assert launcher.said() == [], "a dry run ran something"
  return done.stdout


@pytest.mark.parametrize(
  ("tpu", "wanted"),
  [
    (
      "v5e:16x16",
      "--accelerator-type=v5litepod-256 --runtime-version=v2-alpha-tpuv5-lite",
    ),
    ("v6e:2x4", "--accelerator-type=v6e-8 --runtime-version=v2-alpha-tpuv6e"),
    (
      "v5p:4x4x8",
      "--accelerator-type=v5p-256 --runtime-version=v2-alpha-tpuv5",
    ),
    (
      "v4:2x2x1",
      "--type=v4 --topology=2x2x1 --runtime-version=tpu-ubuntu2204-base",
    ),
  ],
)
def test_create_names_the_slice_as_google_does(launcher, tpu, wanted):
  assert shown(launcher, "tpu_vm/create.sh", *WHERE, "--tpu", tpu) == (
    f"gcloud compute tpus queued-resources create big {ON} {wanted} "
    "--node-id=big\n"
  )


def test_create_asks_for_slices_that_may_be_taken_back(launcher):
  words = (*WHERE, "--tpu", "v5e:4x4", "--slices", 3, "--spot")
  said = shown(launcher, "tpu_vm/create.sh", *words, "--project", "p")
  assert said.endswith(" --node-count=3 --node-prefix=big --spot\n")
  assert f"{ON} --project=p " in said


def test_create_asks_once(launcher):
  words = CALLS["tpu_vm/create.sh"]
  done = launcher("tpu_vm/create.sh", *words, answers={"describe": "PENDING"})
  assert done.returncode == 0
  assert "big is there already: PENDING" in done.stdout
  assert [line for line in launcher.said() if " create " in line] == []
  done = launcher("tpu_vm/create.sh", *words)
  assert done.returncode == 0
  assert len([line for line in launcher.said() if " create " in line]) == 1


def test_create_says_that_machines_were_taken_back(launcher):
  words = CALLS["tpu_vm/create.sh"]
  done = launcher("tpu_vm/create.sh", *words, answers={"describe": "SUSPENDED"})
  assert done.returncode == 2
  assert "delete.sh" in done.stderr


def test_create_waits_until_machines_are_there(launcher):
  words = (*CALLS["tpu_vm/create.sh"], "--wait")
  done = launcher("tpu_vm/create.sh", *words, answers={"describe": "ACTIVE"})
  assert done.stdout.endswith("big: ACTIVE\n")
  done = launcher("tpu_vm/create.sh", *words)
  assert done.returncode == 2
  assert "became unknown" in done.stderr


def test_setup_reaches_every_worker_of_every_slice(launcher):
  words = (*WHERE, "--slices", 2, "--bucket", "gs://my-runs")
  said = shown(launcher, "tpu_vm/setup.sh", *words)
  for node in ("big-0", "big-1"):
    assert (
      f"tpu-vm scp lumiere.tar.gz {node}:lumiere.tar.gz {ON} --worker=all\n"
      in said
    )
    assert said.count(f"tpu-vm ssh {node} {ON} --worker=all --command='") == 2
  assert "gcsfuse --implicit-dirs my-runs ~/bucket" in said
  assert "'.[tpu]'" in said.replace("'\\''", "'")


def test_setup_sends_this_checkout_without_what_is_made_of_it(launcher):
  done = launcher("tpu_vm/setup.sh", *WHERE, "--dry-run")
  pack = shlex.split(done.stdout.splitlines()[0])
  pack[pack.index("lumiere.tar.gz")] = str(launcher.folder / "packed.tar.gz")
  subprocess.run(pack, check=True)
  names = subprocess.run(
    ["tar", "-tzf", launcher.folder / "packed.tar.gz"],
    capture_output=True,
    text=True,
    check=True,
  ).stdout.splitlines()
  assert {"./setup.py", "./configs/tiny.py", "./README.md"} <= {*names}
  assert not [n for n in names if re.search(r"\.git/|\.venv|pycache", n)]
  assert not [n for n in names if re.match(r"\./(out|cache|shared)/", n)]


@pytest.mark.parametrize("script", ["setup", "train", "status"])
def test_what_workers_are_told_is_shell(launcher, script):
  extra = ["--bucket", "my-runs"] if script == "setup" else []
  arguments = ["--", *TRAIN, "--config.a=it's (1, 2)"]
  words = [*WHERE, *extra, *(arguments if script == "train" else [])]
  text = shown(launcher, f"tpu_vm/{script}.sh", *words)
  commands = [
    word.removeprefix("--command=")
    for word in shlex.split(text)
    if word.startswith("--command=")
  ]
  assert len(commands) == {"setup": 2, "train": 3, "status": 1}[script]
  for command in commands:
    subprocess.run(["bash", "-n", "-c", command], check=True)


def test_train_copies_the_recipe_then_starts_then_follows(launcher):
  said = shown(launcher, "tpu_vm/train.sh", *CALLS["tpu_vm/train.sh"])
  asks, copies, starts, follows = re.findall(
    r"^gcloud compute tpus tpu-vm (?:.|\n(?!gcloud))*", said, re.MULTILINE
  )
  assert "state:running" in asks
  assert copies == (
    "gcloud compute tpus tpu-vm scp configs/tiny.py "
    f"big:lumiere/configs/tiny.py {ON} --worker=all"
  )
  assert "--worker=all" in starts
  assert "setsid nohup" in starts
  assert "--worker=0" in follows
  assert "tail -n 20" in follows


@pytest.mark.parametrize(
  ("answer", "starts", "ends"),
  [
    ("state:stopped\\nstate:stopped", True, False),
    ("state:running\\nstate:running", False, False),
    ("state:running\\nstate:stopped", True, True),
  ],
  ids=["none run", "all run", "one failed"],
)
def test_train_run_again_resumes(launcher, answer, starts, ends):
  words = CALLS["tpu_vm/train.sh"]
  done = launcher("tpu_vm/train.sh", *words, answers={"state:running": answer})
  assert done.returncode == 0, done.stderr
  said = "\n".join(launcher.said())
  assert ("setsid nohup" in said) == starts
  assert ("kill -KILL" in said) == ends
  assert "tail -n 20" in said


def test_train_stops_where_a_worker_does_not_answer(launcher):
  words = CALLS["tpu_vm/train.sh"]
  done = launcher("tpu_vm/train.sh", *words, fails="state:running")
  assert done.returncode == 2
  assert "not all workers" in done.stderr
  assert len(launcher.said()) == 1


def test_what_train_starts_on_a_worker_is_the_command_given(launcher):
  """Runs the remote line here, in a home with a stand-in for Python."""
  said = shown(
    launcher,
    "tpu_vm/train.sh",
    *(*WHERE, "--no-follow", "--", *TRAIN, "--config.a=it's (1, $HOME)"),
  )
  (_, start) = (
    word.removeprefix("--command=")
    for word in shlex.split(said)
    if word.startswith("--command=")
  )
  python = launcher.folder / "lumiere" / ".venv" / "bin" / "python"
  python.parent.mkdir(parents=True)
  python.write_text("#!/usr/bin/env bash\nprintf '%s\\n' \"$@\"\nexit 3\n")
  python.chmod(0o755)
  env = {"HOME": str(launcher.folder), "PATH": "/usr/bin:/bin"}
  wait = "\nwhile ! test -s $HOME/lumiere/runs/train/exit; do sleep 0.1; done"
  subprocess.run(["bash", "-c", start + wait], env=env, check=True, timeout=20)
  run = launcher.folder / "lumiere" / "runs" / "train"
  assert (run / "log").read_text().splitlines() == [
    *("-u", "-m", "lumiere_jax.cli.main", "train", TRAIN[0]),
    f"--workdir={launcher.folder}/bucket/run",
    "--config.a=it's (1, $HOME)",
  ]
  assert (run / "exit").read_text() == "3\n"


def test_status_asks_the_workers_of_machines_that_are_there(launcher):
  done = launcher("tpu_vm/status.sh", *WHERE, answers={"describe": "ACTIVE"})
  assert done.returncode == 0
  assert len([x for x in launcher.said() if "--worker=all" in x]) == 1
  launcher("tpu_vm/status.sh", *WHERE, answers={"describe": "PENDING"})
  assert len([x for x in launcher.said() if "--worker=all" in x]) == 1


def test_delete_takes_the_nodes_along_and_asks_unless_told(launcher):
  line = f"gcloud compute tpus queued-resources delete big {ON} --force"
  assert shown(launcher, "tpu_vm/delete.sh", *WHERE) == f"{line}\n"
  sure = shown(launcher, "tpu_vm/delete.sh", *WHERE, "--yes")
  assert sure == f"{line} --quiet\n"


def test_create_names_an_odd_shape_of_v5p_where_that_can_be_named(launcher):
  words = (*WHERE, "--tpu", "v5p:4x4x16")
  said = shown(launcher, "tpu_vm/create.sh", *words)
  assert said.startswith("gcloud alpha compute tpus queued-resources create ")
  assert "--type=v5p --topology=4x4x16" in said


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcloud") is None, reason="no gcloud here")
@pytest.mark.parametrize("script", ["create", "setup", "status", "delete"])
def test_gcloud_knows_every_flag(launcher, script):
  extra = {"create": ("--tpu", "v4:4x4x8", "--slices", 2, "--spot")}
  words = (*WHERE, "--project", "p", *extra.get(script, ()))
  said = shown(launcher, f"tpu_vm/{script}.sh", *words)
  commands = re.findall(r"^gcloud (?:.|\n(?!gcloud))*", said, re.MULTILINE)
  assert commands
  for command in commands:
    before = command.split(" --")[0].split()
    verb = before[:5]  # gcloud compute tpus queued-resources create
    told = subprocess.run(
      [*verb, "--help"], capture_output=True, text=True, check=True
    ).stdout
    told = re.sub(r"\x1b\[[0-9;]*m", "", told)
    wide = {"--project", "--quiet", "--format"}
    for word in shlex.split(command):
      if word.startswith("--"):
        flag = word.split("=")[0]
        assert flag in wide or re.search(rf"{flag}\b", told), (verb, flag)
