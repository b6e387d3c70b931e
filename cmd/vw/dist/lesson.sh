# shellcheck shell=bash
# The commands of the README's first page, as root, in the order in which they
# stand there. lesson runs them; TOKEN is made as the README says.

# Install: it starts nothing.
apt-get install -y --no-install-recommends ./vw_*.deb ./vw-relay_*.deb
if systemctl is-enabled vw vw-relay; then exit 1; fi

# The relay: a token, and start it.
echo "$TOKEN bi *" >>/etc/vw-relay/tokens
systemctl enable --now vw-relay

# The agent.
systemctl enable --now vw

# A source. In place of a camera and a microphone ffmpeg's own.
cat >/etc/vw/av.source <<'END'
exec ffmpeg -nostdin -hide_banner -loglevel warning \
	-re -f lavfi -i testsrc2=size=640x480:rate=25 -re -f lavfi -i sine=sample_rate=48000 \
	-map 0:v -map 1:a -c:v mpeg1video -b:v 1000k -g 25 -bf 0 -c:a mp2 -ac 1 -ar 48000 -b:a 96k \
	-flags +global_header -f fifo -fifo_format mpegts -attempt_recovery 1 -recover_any_error 1 \
	-recovery_wait_time 1 -drop_pkts_on_overflow 1 -restart_with_keyframe 1 \
	http://localhost:8888/ts/av
END
systemctl enable --now vw-source@av

# What goes where.
until curl -sf http://localhost:8888/healthcheck; do sleep 0.2; done
curl -sf -d '{"stream":"lab","feeds":["av"]}' http://localhost:8888/api/streams
curl -sf -d '{"id":"0","stream":"lab","destination":"ws://localhost:8090/in/lab","token":"'"$TOKEN"'"}' http://localhost:8888/api/destinations
