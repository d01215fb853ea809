"""Runs on GKE: the JobSet field by field, as it will be read, and xpk."""

import math
import pathlib
import re
import shlex
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
WORDS = ("--name", "run", "--image", "host/lumiere:1", "--bucket", "my-runs")
TRAIN = (
  "--config=configs/tiny.py:base",
  '--config.a=("x\\y", 2)',
  "--b=${HOSTS}",
)


def filled(*words, train=TRAIN):
  done = subprocess.run(
    [ROOT / "launch/gke/jobset.sh", "--dry-run", *words, "--", *train],
    capture_output=True,
    text=True,
    check=True,
  )
  command, _, text = done.stdout.partition("\n")
  return command, yaml.safe_load(text)


def parts(jobset):
  """Spec of the JobSet, of its Job, of its pod, and the container."""
  (job,) = jobset["spec"]["replicatedJobs"]
  pod = job["template"]["spec"]["template"]["spec"]
  (container,) = pod["containers"]
  return jobset["spec"], job, pod, container


@pytest.mark.parametrize(
  ("tpu", "accelerator", "hosts", "chips"),
  [
    ("v5e:1x1", "tpu-v5-lite-podslice", 1, 1),
    ("v5e:2x4", "tpu-v5-lite-podslice", 1, 8),
    ("v5e:4x4", "tpu-v5-lite-podslice", 4, 4),
    ("v5e:16x16", "tpu-v5-lite-podslice", 64, 4),
    ("v6e:2x2", "tpu-v6e-slice", 1, 4),
    ("v6e:8x16", "tpu-v6e-slice", 32, 4),
    ("v4:2x2x1", "tpu-v4-podslice", 1, 4),
    ("v4:4x4x4", "tpu-v4-podslice", 16, 4),
    ("v5p:2x2x2", "tpu-v5p-slice", 2, 4),
    ("v5p:8x16x16", "tpu-v5p-slice", 512, 4),
    ("tpu7x:4x4x8", "tpu7x", 32, 4),
  ],
)
def test_hosts_times_chips_is_the_topology(tpu, accelerator, hosts, chips):
  _, jobset = filled(*WORDS, "--tpu", tpu)
  _, job, pod, container = parts(jobset)
  shape = tpu.split(":")[1]
  assert pod["nodeSelector"] == {
    "cloud.google.com/gke-tpu-accelerator": accelerator,
    "cloud.google.com/gke-tpu-topology": shape,
  }
  resources = container["resources"]
  assert (
    resources["limits"] == resources["requests"] == {"google.com/tpu": chips}
  )
  spec = job["template"]["spec"]
  assert spec["parallelism"] == spec["completions"] == hosts
  assert hosts * chips == math.prod(map(int, shape.split("x")))


def test_slices_are_jobs_and_each_has_a_node_pool_of_its_own():
  command, jobset = filled(
    *(*WORDS, "--tpu", "v5e:4x4", "--slices", "3", "--namespace", "video"),
    *("--service-account", "trainer", "--max-restarts", "7"),
  )
  assert command == "kubectl -n video apply -f -"
  assert jobset["apiVersion"] == "jobset.x-k8s.io/v1alpha2"
  assert jobset["kind"] == "JobSet"
  assert jobset["metadata"] == {
    "name": "run",
    "namespace": "video",
    "annotations": {
      "alpha.jobset.sigs.k8s.io/exclusive-topology": (
        "cloud.google.com/gke-nodepool"
      )
    },
  }
  spec, job, pod, _ = parts(jobset)
  assert job["replicas"] == 3
  assert job["template"]["spec"]["completionMode"] == "Indexed"
  assert spec["network"] == {"enableDNSHostnames": True}
  assert spec["failurePolicy"]["maxRestarts"] == 7
  assert pod["serviceAccountName"] == "trainer"


def test_a_lost_machine_restarts_all_and_a_refusal_none():
  _, jobset = filled(*WORDS, "--tpu", "v5e:4x4")
  spec, job, pod, container = parts(jobset)
  assert pod["restartPolicy"] == "Never"  # else Jobs know no exit codes
  assert job["template"]["spec"]["backoffLimit"] == 0
  (rule,) = job["template"]["spec"]["podFailurePolicy"]["rules"]
  assert rule == {
    "action": "FailJob",
    "onExitCodes": {
      "containerName": container["name"],
      "operator": "In",
      "values": [2],
    },
  }
  (rule,) = spec["failurePolicy"]["rules"]
  assert re.fullmatch(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", rule["name"])
  assert rule["action"] == "FailJobSet"
  assert rule["onJobFailureReasons"] == ["PodFailurePolicy"]
  assert spec["failurePolicy"]["maxRestarts"] == 100


def test_the_container_trains_with_the_words_given():
  _, jobset = filled(*WORDS, "--tpu", "v5e:4x4")
  _, _, pod, container = parts(jobset)
  assert container["image"] == "host/lumiere:1"
  assert container["command"] == ["lumiere", "train", "--preempted_code=75"]
  assert container["args"] == list(TRAIN)
  assert all(set(one) == {"name", "value"} for one in container["env"])
  assert all(isinstance(one["value"], str) for one in container["env"])
  # What GKE itself gives to the pods of a slice stays its own.
  assert not [x for x in container["env"] if x["name"].startswith("MEGASCALE")]
  ports = {one["containerPort"] for one in container["ports"]}
  assert {8471, 8482, 8080} <= ports
  mounts = {x["name"]: x["mountPath"] for x in container["volumeMounts"]}
  volumes = {x.pop("name"): x for x in pod["volumes"]}
  assert mounts == {"bucket": "/bucket", "shared-memory": "/dev/shm"}
  assert volumes["bucket"]["csi"] == {
    "driver": "gcsfuse.csi.storage.gke.io",
    "volumeAttributes": {
      "bucketName": "my-runs",
      "mountOptions": "implicit-dirs",
    },
  }
  assert volumes["shared-memory"] == {"emptyDir": {"medium": "Memory"}}


def test_names_that_yaml_would_read_as_something_else_stay_names():
  _, jobset = filled(
    *("--name", "null", "--bucket", "20260101", "--image", "1:2"),
    *("--tpu", "v5e:4x4"),
  )
  _, _, pod, container = parts(jobset)
  assert jobset["metadata"]["name"] == "null"
  assert container["image"] == "1:2"
  assert (
    pod["volumes"][0]["csi"]["volumeAttributes"]["bucketName"] == "20260101"
  )


def test_the_file_itself_is_yaml_and_every_name_in_it_is_filled_in():
  text = (ROOT / "launch/gke/jobset.yaml").read_text()
  assert parts(yaml.safe_load(text))[3]["args"] == "${ARGUMENTS}"
  _, jobset = filled(*WORDS, "--tpu", "v5e:4x4", train=("--config=a",))
  assert "${" not in yaml.safe_dump(jobset)


@pytest.mark.parametrize(
  ("state", "begins"), [("", False), ("Completed", True), ("Failed", True)]
)
def test_run_again_replaces_what_ended_and_leaves_what_goes_on(
  launcher, state, begins
):
  done = launcher(
    "gke/jobset.sh",
    *(*WORDS, "--tpu", "v5e:4x4", "--", *TRAIN),
    answers={" get ": f"run:{state}"},
  )
  assert done.returncode == 0, done.stderr
  said = [line.split()[3] for line in launcher.said()]
  assert said == (["get", "delete", "apply"] if begins else ["get"])


def test_the_first_time_it_only_applies(launcher):
  done = launcher(
    "gke/jobset.sh",
    *(*WORDS, "--tpu", "v5e:4x4", "--", *TRAIN),
    fails=" get ",
  )
  assert done.returncode == 0, done.stderr
  assert [x.split()[3] for x in launcher.said()] == ["get", "apply"]
  assert (
    yaml.safe_load(launcher.applied()) == filled(*WORDS, "--tpu", "v5e:4x4")[1]
  )


def test_the_image_trains_and_is_not_root():
  text = (ROOT / "launch/Dockerfile").read_text()
  steps = re.findall(r"^([A-Z]+) (.*)", text, re.MULTILINE)
  assert steps[0][0] == "FROM"
  assert re.fullmatch(r"python:3\.1[123]-slim", steps[0][1])
  assert ("ENTRYPOINT", '["lumiere", "train"]') in steps
  assert ("RUN", "pip install '.[tpu]'") in steps
  users = [word for step, word in steps if step == "USER"]
  assert users
  assert users[-1] != "root"
  left_out = (ROOT / "launch/Dockerfile.dockerignore").read_text().split()
  assert {".git", ".venv", "cache", "out"} <= {*left_out}
  assert not {"configs", "setup.py", "README.md"} & {*left_out}


@pytest.mark.parametrize(
  ("tpu", "kind"),
  [
    ("v5e:4x4", "v5litepod-16"),
    ("v5p:4x4x4", "v5p-128"),
    ("v4:2x2x4", "v4-32"),
    ("v6e:16x16", "v6e-256"),
    ("tpu7x:4x4x8", "tpu7x-4x4x8"),
  ],
)
def test_xpk_is_given_what_it_takes(launcher, tpu, kind):
  words = (
    *WORDS[:4],
    "--cluster",
    "c",
    "--tpu",
    tpu,
    "--slices",
    2,
    "--zone",
    "z",
  )
  done = launcher(
    "gke/xpk.sh", "--dry-run", *words, "--", TRAIN[0], "--a=(1, 2)"
  )
  said = done.stdout
  assert shlex.split(said) == [
    *("xpk", "workload", "create", "--cluster=c", "--workload=run"),
    *(f"--tpu-type={kind}", "--num-slices=2", "--docker-image=host/lumiere:1"),
    *("--max-restarts=100", "--zone=z"),
    f"--command=lumiere train --preempted_code=75 {TRAIN[0]} --a='(1, 2)'",
  ]
