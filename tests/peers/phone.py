"""A telephone that does what it is told: PJSIP without a sound device, moved by lines of JSON.

Every line on stdin is a command with an `id`; it is answered by a line `{"event": "done", "id": ...}` or
`{"event": "failed", "id": ..., "why": ...}` on stdout, and what happens by itself comes in between as other events
(`registered`, `incoming`, `state`, `media`, `digit`, `transfer`). The commands are the methods `do_...` of `Phone`; the
first must be `open`. The telephone ends when its stdin does. PJSIP's own log goes to stderr.
"""

import json
import os
import queue
import re
import sys
import threading
import traceback
import wave

import pjsua2 as pj

# What a telephone hears and plays is counted in samples of this rate, as G.711 has it.
RATE = 8000
# Longer than any hiccup of a busy machine: what is then missing was not sent.
JITTER_MS = 160
WAV_HEADER = 44
SRTP = {"off": 0, "optional": 1, "required": 2}
TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
DTMF = {"rfc4733": pj.PJSUA_DTMF_METHOD_RFC2833, "info": pj.PJSUA_DTMF_METHOD_SIP_INFO}
STATES = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_INCOMING: "incoming",
    pj.PJSIP_INV_STATE_EARLY: "early",
    pj.PJSIP_INV_STATE_CONNECTING: "connecting",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "disconnected",
}
MEDIA = {
    pj.PJSUA_CALL_MEDIA_NONE: "none",
    pj.PJSUA_CALL_MEDIA_ACTIVE: "active",
    pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: "local_hold",
    pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: "remote_hold",
    pj.PJSUA_CALL_MEDIA_ERROR: "error",
}


# PJSIP says a few words on stdout before it has a log: they go to stderr, and events to the real stdout.
EVENTS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def tell(event, **more):
    EVENTS.write(json.dumps({"event": event, **more}) + "\n")
    EVENTS.flush()


class Line(pj.Call):
    """One call."""

    def __init__(self, phone, number=pj.PJSUA_INVALID_ID):
        super().__init__(phone.account, number)
        self.phone = phone
        self.hears = None

    def onCallState(self, prm):
        info = self.getInfo()
        state = STATES.get(info.state, "unknown")
        tell("state", call=info.id, state=state, code=info.lastStatusCode, reason=info.lastReason)
        if state == "disconnected":
            self.phone.forget(info.id)

    def onCallMediaState(self, prm):
        info = self.getInfo()
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO:
                tell("media", call=info.id, status=MEDIA.get(media.status, "unknown"))
        self.phone.join(self)

    def onDtmfDigit(self, prm):
        method = "info" if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO else "rfc4733"
        tell("digit", call=self.getId(), digit=prm.digit, method=method)

    def onCallTransferStatus(self, prm):
        tell("transfer", call=self.getId(), code=prm.statusCode, final=prm.finalNotify)

    def onCallTransferRequest(self, prm):
        tell("referred", call=self.getId(), to=prm.dstUri)

    def onCallReplaced(self, prm):
        tell("replaced", call=self.getId(), by=prm.newCallId)

    def onCallSdpCreated(self, prm):
        if self.phone.setup.get("telephone_event", True):
            return
        kept, formats = [], set()
        for row in prm.sdp.wholeSdp.splitlines():
            if row.startswith("a=rtpmap:") and "telephone-event" in row:
                formats.add(row[len("a=rtpmap:"):].split()[0])
            else:
                kept.append(row)
        kept = [row for row in kept if row.split(" ")[0] not in {f"a=fmtp:{number}" for number in formats}]
        for index, row in enumerate(kept):
            if row.startswith("m=audio"):
                kept[index] = " ".join(word for word in row.split(" ") if word not in formats)
        prm.sdp.wholeSdp = "\r\n".join(kept) + "\r\n"


class Account(pj.Account):
    def __init__(self, phone):
        super().__init__()
        self.phone = phone

    def onRegState(self, prm):
        tell("registered" if prm.code // 100 == 2 and prm.expiration > 0 else "not_registered", code=prm.code)

    def onIncomingCall(self, prm):
        self.phone.incoming(prm)


class Phone:
    def __init__(self):
        self.endpoint = pj.Endpoint()
        self.account = None
        self.setup = {}
        self.lines = {}
        # Calls that are over; they are let go outside of their own call-backs.
        self.over = []
        self.sources = []
        self.silence = None
        self.recorder = None
        # The file that is recorded, and how long it is to become when somebody waits for it.
        self.file = None
        self.recorded = None

    # What it is told.

    def do_open(self, setup):
        """Makes the telephone, and lets it register where it has a password."""
        self.setup = setup
        self.begin(setup)
        transport = pj.TransportConfig()
        transport.boundAddress = setup["host"]
        transport.port = setup.get("port", 0)
        kind = setup.get("transport", "udp")
        # The gateway's certificate is its own: it is not what is looked at here.
        transport.tlsConfig.verifyServer = False
        number = self.endpoint.transportCreate(TRANSPORTS[kind], transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        self.choose_codecs(setup.get("codecs", ["PCMA", "PCMU"]))
        self.account = Account(self)
        self.account.create(self.account_config(setup, kind, number))
        return {}

    def begin(self, setup):
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 8
        config.logConfig.level = setup.get("log", 4)
        config.logConfig.consoleLevel = 0
        config.logConfig.filename = setup["log_file"]
        media = config.medConfig
        media.clockRate = media.sndClockRate = RATE
        media.audioFramePtime = media.ptime = 20
        media.noVad = True
        media.ecTailLen = 0
        media.jbInit = media.jbMinPre = media.jbMaxPre = JITTER_MS
        media.jbMax = 1000
        keep_every_frame(media)
        self.endpoint.libCreate()
        self.endpoint.libInit(config)

    def choose_codecs(self, wanted):
        for codec in self.endpoint.codecEnum2():
            name = codec.codecId.split("/")[0]
            priority = 255 - wanted.index(name) if name in wanted else 0
            self.endpoint.codecSetPriority(codec.codecId, priority)
            if name in wanted:
                # What was lost on the way is to be heard as a gap, and not made up.
                param = self.endpoint.codecGetParam(codec.codecId)
                param.setting.plc = False
                param.setting.vad = False
                self.endpoint.codecSetParam(codec.codecId, param)

    def account_config(self, setup, kind, transport):
        config = pj.AccountConfig()
        config.idUri = f"sip:{setup['user']}@{setup['server']}"
        if setup.get("name"):
            config.idUri = f"\"{setup['name']}\" <{config.idUri}>"
        config.sipConfig.transportId = transport
        if "password" in setup:
            config.regConfig.registrarUri = self.uri(None)
            config.regConfig.timeoutSec = 300
            config.regConfig.retryIntervalSec = 2
            config.regConfig.firstRetryIntervalSec = 1
            credentials = pj.AuthCredInfo("digest", "*", setup["user"], 0, setup["password"])
            config.sipConfig.authCreds.append(credentials)
        config.natConfig.contactRewriteUse = 0
        config.natConfig.viaRewriteUse = 0
        config.natConfig.sdpNatRewriteUse = 0
        config.mediaConfig.transportConfig.boundAddress = setup["host"]
        config.mediaConfig.transportConfig.publicAddress = setup["host"]
        config.mediaConfig.srtpUse = SRTP[setup.get("srtp", "off")]
        config.mediaConfig.srtpSecureSignaling = 1 if kind == "tls" else 0
        config.mediaConfig.lockCodecEnabled = False
        config.callConfig.timerUse = setup.get("session_timer", pj.PJSUA_SIP_TIMER_OPTIONAL)
        if "session_expires_s" in setup:
            config.callConfig.timerSessExpiresSec = setup["session_expires_s"]
            config.callConfig.timerMinSESec = min(90, setup["session_expires_s"])
        config.callConfig.prackUse = pj.PJSUA_100REL_OPTIONAL if setup.get("prack") else pj.PJSUA_100REL_NOT_USED
        return config

    def do_dial(self, told):
        line = Line(self)
        prm = pj.CallOpParam(True)
        for name, value in told.get("headers", {}).items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            prm.txOption.headers.append(header)
        line.makeCall(self.uri(told["to"]), prm)
        self.lines[line.getId()] = line
        return {"call": line.getId()}

    def do_answer(self, told):
        prm = pj.CallOpParam(True)
        prm.statusCode = told.get("code", 200)
        self.line(told).answer(prm)
        return {}

    def do_hang_up(self, told):
        prm = pj.CallOpParam()
        if "code" in told:
            prm.statusCode = told["code"]
        self.line(told).hangup(prm)
        return {}

    def do_hold(self, told):
        self.line(told).setHold(pj.CallOpParam())
        return {}

    def do_retrieve(self, told):
        prm = pj.CallOpParam(True)
        prm.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.line(told).reinvite(prm)
        return {}

    def do_digits(self, told):
        prm = pj.CallSendDtmfParam()
        prm.method = DTMF[told["method"]]
        prm.digits = told["digits"]
        prm.duration = 160
        self.line(told).sendDtmf(prm)
        return {}

    def do_refer(self, told):
        self.line(told).xfer(self.uri(told["to"]), pj.CallOpParam(True))
        return {}

    def do_refer_with_replaces(self, told):
        other = self.lines[told["replaces"]]
        self.line(told).xferReplaces(other, pj.CallOpParam(True))
        return {}

    def do_tone(self, told):
        tones = pj.ToneGenerator()
        tones.createToneGenerator(RATE, 1)
        tone = pj.ToneDesc()
        tone.freq1 = told["hz"]
        tone.on_msec, tone.off_msec = 1000, 0
        tone.volume = told.get("volume", 9000)
        every = pj.ToneDescVector()
        every.append(tone)
        tones.play(every, True)
        self.speak(tones)
        return {}

    def do_play(self, told):
        player = pj.AudioMediaPlayer()
        player.createPlayer(told["file"], 0 if told.get("again") else pj.PJMEDIA_FILE_NO_LOOP)
        self.speak(player)
        return {}

    def do_hush(self, _told):
        self.hush()
        return {}

    def do_record(self, told):
        self.end_record()
        self.file = told["file"]
        self.recorder = pj.AudioMediaRecorder()
        self.recorder.createRecorder(self.file)
        # Without a source nothing would be written while nobody can be heard.
        self.silence = pj.AudioMediaPlayer()
        self.silence.createPlayer(silent_file())
        self.silence.startTransmit(self.recorder)
        for line in self.lines.values():
            self.join(line)
        return {}

    def do_end_record(self, _told):
        """What was recorded can be read when `heard` says so."""
        self.recorded = 0
        return {}

    def do_listen(self, told):
        """Records so many milliseconds, which is told by `heard`."""
        self.do_record(told)
        self.recorded = WAV_HEADER + told["ms"] * RATE * 2 // 1000
        return {}

    def do_statistics(self, told):
        """What the stream of a call has counted, in packets."""
        stat = self.line(told).getStreamStat(0)
        rx, jitter = stat.rtcp.rxStat, stat.jbuf
        return {
            "received": rx.pkt,
            "lost": rx.loss,
            "duplicate": rx.dup,
            "sent": stat.rtcp.txStat.pkt,
            "buffer_lost": jitter.lost,
            "buffer_empty": jitter.empty,
            "buffer_discarded": jitter.discard,
        }

    # What happens to it.

    def incoming(self, prm):
        line = Line(self, prm.callId)
        self.lines[prm.callId] = line
        message = prm.rdata.wholeMsg
        info = line.getInfo()
        lifts_itself = "answer-after=0" in message
        tell(
            "incoming",
            call=prm.callId,
            **{"from": info.remoteUri},
            to=info.localUri,
            lifts_itself=lifts_itself,
            replaces="\nReplaces:" in message,
        )
        answer = pj.CallOpParam(True)
        refuse = self.setup.get("refuse")
        at_once = lifts_itself or self.setup.get("answer") == "at_once"
        answer.statusCode = refuse or (200 if at_once else 180)
        line.answer(answer)

    def forget(self, number):
        line = self.lines.pop(number, None)
        if line is not None:
            self.over.append(line)

    def look_at_recording(self):
        if self.recorded is None:
            return
        if self.recorder is not None:
            if os.path.getsize(self.file) >= self.recorded:
                self.end_record()
        elif is_whole(self.file):
            self.recorded = None
            tell("heard", file=self.file)

    def join(self, line):
        """Connects what this telephone says and records with a call that can be heard."""
        info = line.getInfo()
        for index, media in enumerate(info.media):
            heard = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
            if media.type != pj.PJMEDIA_TYPE_AUDIO or media.status not in heard:
                continue
            audio = line.getAudioMedia(index)
            for source in self.sources:
                source.startTransmit(audio)
            if self.recorder is not None:
                audio.startTransmit(self.recorder)

    def speak(self, source):
        self.hush()
        self.sources = [source]
        for line in self.lines.values():
            self.join(line)

    def hush(self):
        # To let go of a port is to disconnect it.
        self.sources = []

    def end_record(self):
        self.silence = None
        self.recorder = None

    def line(self, told):
        """The call that is meant: the one named, else the only one."""
        if told.get("call") is not None:
            return self.lines[told["call"]]
        if len(self.lines) != 1:
            raise ValueError(f"there are {len(self.lines)} calls")
        return next(iter(self.lines.values()))

    def uri(self, user):
        server, kind = self.setup["server"], self.setup.get("transport", "udp")
        where = server if user is None else f"{user}@{server}"
        return f"sip:{where}" + ("" if kind == "udp" else f";transport={kind}")

    # Its life.

    def obey(self, told):
        try:
            done = getattr(self, "do_" + told["do"])(told)
            tell("done", id=told["id"], **done)
        except pj.Error as error:
            tell("failed", id=told["id"], why=error.info())
        except (KeyError, ValueError, AttributeError) as error:
            traceback.print_exc()
            tell("failed", id=told["id"], why=f"{type(error).__name__}: {error}")

    def live(self, commands):
        while True:
            if self.account is not None:
                self.endpoint.libHandleEvents(10)
            self.over.clear()
            self.look_at_recording()
            try:
                while True:
                    # Before it is opened there is nothing else to do.
                    told = commands.get(block=self.account is None)
                    if told is None:
                        return
                    self.obey(told)
            except queue.Empty:
                pass

    def end(self):
        if self.account is None:
            return
        self.end_record()
        self.hush()
        self.endpoint.hangupAllCalls()
        for _ in range(10):
            self.endpoint.libHandleEvents(10)
        self.lines.clear()
        self.over.clear()
        self.account = None
        self.endpoint.libDestroy()


def keep_every_frame(media):
    """Tells the buffer to throw nothing away to become shorter (PJMEDIA_JB_DISCARD_NONE). The binding has no name for
    it; a configuration that is read from text has."""
    written = pj.JsonDocument()
    written.writeObject(media)
    read = pj.JsonDocument()
    read.loadString(re.sub(r'("jbDiscardAlgo":\s*)\d', r"\g<1>0", written.saveString()))
    read.readObject(media)


def is_whole(file):
    """PJSIP closes a recording some time after it was let go; then its header says how long it is."""
    with open(file, "rb") as wav:
        header = wav.read(WAV_HEADER)
    if len(header) < WAV_HEADER:
        return False
    return 0 < int.from_bytes(header[40:44], "little") == os.path.getsize(file) - WAV_HEADER


def silent_file():
    """A second of silence, in the folder where the telephone runs."""
    name = "silence.wav"
    if not os.path.exists(name):
        with wave.open(name, "wb") as file:
            file.setparams((1, 2, RATE, RATE, "NONE", ""))
            file.writeframes(bytes(2 * RATE))
    return name


def read(commands):
    for row in sys.stdin:
        commands.put(json.loads(row))
    commands.put(None)


def main():
    commands = queue.Queue()
    threading.Thread(target=read, args=(commands,), daemon=True).start()
    phone = Phone()
    phone.live(commands)
    phone.end()
    # What Python would still tear down in an order of its own is gone already.
    os._exit(0)


if __name__ == "__main__":
    main()
